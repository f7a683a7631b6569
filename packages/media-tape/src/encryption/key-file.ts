import { randomBytes } from 'node:crypto'
import { type Files, NbError, replaceFile, SerialQueue } from '@nb/contracts'
import type { TapeKey, TapeKeys } from './tape-keys.ts'

const keyBytes = 32
const form = 1

/** A file of keys that can be added to. */
export interface TapeKeyFile extends TapeKeys {
  /**
   * Makes a new key and has volumes encrypted with it from now on. The file is made where there is none. Rejects with `argument-invalid`
   * (`details.field` `label`), `already-exists`, `store-corrupt`.
   */
  add(input: { readonly label: string }): Promise<void>
  /** The labels of all keys, the oldest first. Rejects with `store-corrupt`. */
  labels(): Promise<readonly string[]>
}

/** What a key file works with. */
export interface TapeKeyFileComponents {
  /** Makes files that their owner alone can read. */
  readonly files: Files
  /** 32 bytes of a new key. @default from the system's source of random numbers */
  readonly makeKey?: () => Uint8Array
}

interface Kept {
  readonly label: string
  readonly hex: string
}

/**
 * Keys in a file of its own: JSON with `form`, `active` (a label) and `keys` (`label`, `key` in hexadecimal), the oldest first. It's read anew each time, so a
 * key that was put there by hand counts at once. Whoever loses it loses what is on the tapes.
 */
export function openTapeKeyFile(
  { files, makeKey = () => randomBytes(keyBytes) }: TapeKeyFileComponents,
  { path }: { readonly path: string },
): TapeKeyFile {
  const changes = new SerialQueue()
  const corrupt = (why: string): NbError =>
    // Neither a cause nor a part of the text: both could hold a key.
    new NbError('store-corrupt', `The key file ${path} can't be read: ${why}.`, { details: { path } })

  async function read(): Promise<{ readonly active?: string; readonly keys: readonly Kept[] }> {
    const bytes = await files.readFile(path)
    if (bytes === undefined) return { keys: [] }
    let content: unknown
    try {
      content = JSON.parse(bytes.toString())
    } catch {
      throw corrupt('it is no JSON')
    } finally {
      bytes.fill(0)
    }
    const { form: has, active, keys } = (content ?? {}) as Partial<Record<string, unknown>>
    if (has !== form) throw corrupt(`it is not of form ${form}`)
    if (!Array.isArray(keys) || typeof active !== 'string') throw corrupt('it has no keys, or none is active')
    const kept = keys.map((one: unknown) => {
      const { label, key } = (one ?? {}) as Partial<Record<string, unknown>>
      if (!isLabel(label)) throw corrupt('a key has no label')
      if (typeof key !== 'string' || !/^[0-9a-f]{64}$/i.test(key))
        throw corrupt(`the key ${JSON.stringify(label)} has not 64 hexadecimal digits`)
      return { label, hex: key }
    })
    if (new Set(kept.map(({ label }) => label)).size !== kept.length)
      throw corrupt('two keys have the same label')
    if (!kept.some(({ label }) => label === active))
      throw corrupt(`the active key ${JSON.stringify(active)} is not among them`)
    return { active, keys: kept }
  }

  const keyOf = (kept: Kept | undefined): TapeKey | undefined =>
    kept === undefined ? undefined : { label: kept.label, key: Buffer.from(kept.hex, 'hex') }

  return {
    active: async () => {
      const { active, keys } = await read()
      return keyOf(keys.find(({ label }) => label === active))
    },
    find: async ({ label }) => keyOf((await read()).keys.find((one) => one.label === label)),
    labels: async () => (await read()).keys.map(({ label }) => label),
    add: ({ label }) =>
      changes.run(async () => {
        if (!isLabel(label))
          throw new NbError(
            'argument-invalid',
            `${JSON.stringify(label)} is no label of a key; allowed: 1–30 printable characters of ASCII, without blanks at its ends`,
            { details: { field: 'label' } },
          )
        const { keys } = await read()
        if (keys.some((one) => one.label === label))
          throw new NbError('already-exists', `There is a key ${label} in ${path} already.`, {
            details: { label },
          })
        const key = makeKey()
        const all = [...keys, { label, hex: Buffer.from(key).toString('hex') }]
        key.fill(0)
        const content = { form, active: label, keys: all.map((one) => ({ label: one.label, key: one.hex })) }
        const bytes = Buffer.from(`${JSON.stringify(content, undefined, 2)}\n`)
        await replaceFile(files, path, bytes).finally(() => bytes.fill(0))
      }),
  }
}

function isLabel(label: unknown): label is string {
  return (
    typeof label === 'string' && label.length <= 30 && /^[\x21-\x7e]([\x20-\x7e]*[\x21-\x7e])?$/.test(label)
  )
}
