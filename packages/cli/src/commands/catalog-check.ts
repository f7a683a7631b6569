import { type CallOptions, type Catalog, type CatalogFinding, NbError, counted } from '@nb/contracts'
import type { Ports } from '@nb/remote'
import type { ExitCode } from '../exit-code.ts'
import type { Output } from '../output.ts'
import { printable } from '../table.ts'
import { isEmpty } from '../unless-there.ts'
import { given } from './each.ts'

/** Options of `nb catalog check`. */
export interface CatalogCheckOptions extends CallOptions {
  /** Only images of this client. @default all clients */
  readonly client?: string
  /** Makes again what has a second source. @default false */
  readonly repair?: boolean
}

/**
 * `nb catalog check`: what is wrong with the catalog, image by image, with what follows from it. Ends with 1 when something stays wrong;
 * sparse indexes that are made anew when they are needed are told as notes.
 * Rejects with `client-unknown` when there is nothing of the client to be looked at.
 */
export async function catalogCheckCommand(
  { catalog }: Pick<Ports, 'catalog'>,
  { client, repair = false, ...call }: CatalogCheckOptions,
  output: Output,
): Promise<ExitCode> {
  let wrong = 0
  let possible = 0
  let mended = 0
  let indexes = 0
  // Told as it is found: going through all lists takes its time.
  for await (const finding of catalog.check(
    { ...given('client', client), ...(repair ? { repair } : {}) },
    call,
  )) {
    if (finding.repair === 'done') mended += 1
    else if (isMadeWhenNeeded(finding)) indexes += 1
    else if (finding.part !== 'foreign') wrong += 1
    if (finding.repair === 'possible' && !isMadeWhenNeeded(finding)) possible += 1
    await (output.json ? output.value(finding) : tell(finding, output))
  }
  if (wrong === 0 && mended === 0 && client !== undefined) await checkClient(catalog, client, call)
  if (output.json) return wrong > 0 ? 1 : 0
  if (mended > 0) output.note(`${counted(mended, 'finding is', 'findings are')} mended`)
  if (possible > 0) output.note(`${counted(possible, 'finding', 'findings')} can be mended with --repair`)
  if (indexes > 0)
    output.note(
      `${counted(indexes, 'sparse index is', 'sparse indexes are')} made anew when first needed, or now with --repair; nothing is lost`,
    )
  if (wrong === 0 && mended === 0) output.note('the catalog is sound')
  return wrong > 0 ? 1 : 0
}

async function checkClient(catalog: Catalog, client: string, call: CallOptions): Promise<void> {
  const states = ['in-progress', 'complete', 'expired', 'discarded'] as const
  if (!(await isEmpty(catalog.listImages({ client, states, limit: 1 }, call)))) return
  throw new NbError(
    'client-unknown',
    `no image of client ${client} is in the catalog; nb images --all lists what there is`,
    { details: { client } },
  )
}

/** Whether the first lookup makes it anew, as after a recovery: a note, and nothing that is wrong. */
function isMadeWhenNeeded({ part, repair }: CatalogFinding): boolean {
  return part === 'sparse-index' && repair === 'possible'
}

/** What mends a finding: the catalog itself, or the medium for what it has no second source of. */
function repairOf(finding: CatalogFinding): string {
  const { repair, part, backupId } = finding
  if (repair === 'done') return 'mended'
  if (isMadeWhenNeeded(finding)) return 'none is needed; --repair makes it now'
  if (repair === 'possible') return '--repair mends it'
  if ((part === 'header' || part === 'file-list') && backupId !== undefined)
    return `nb import UNIT ${backupId} --wait makes it again from its medium, where it is damaged (operations guide, "A damaged catalog")`
  return 'the catalog has no second source; see the operations guide, "A damaged catalog"'
}

async function tell(finding: CatalogFinding, output: Output): Promise<void> {
  const { backupId, part, problem, consequence, path } = finding
  await output.line(printable(`${backupId ?? '-'}: ${part}: ${problem}`))
  await output.line(printable(`  consequence: ${consequence}`))
  if (path !== '') await output.line(printable(`  file:        ${path}`))
  if (part !== 'foreign') await output.line(printable(`  repair:      ${repairOf(finding)}`))
}
