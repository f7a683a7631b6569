import { execFile, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { systemClock } from '@nb/contracts'
import t from 'tap'
import { z } from 'zod'
import {
  type ApiDocument,
  createAccessControl,
  describePorts,
  dnsNameOf,
  portNames,
  serve,
} from '../../src/index.ts'
import { portContracts } from '../../src/contracts/ports.ts'
import { exampleJob, examplePolicy } from '../ports/examples.ts'
import { createMemoryJobs } from '../ports/memory-jobs.ts'
import { createMemoryScheduler } from '../ports/memory-scheduler.ts'
import { held, testAuthority } from '../support/identities.ts'
import { turnsUntil } from '../waiting.ts'

const run = promisify(execFile)

/** Reads JSON as the document says that it is. */
function readerOf(document: ApiDocument, schema: object): z.ZodType {
  const $defs = document.components.schemas
  const text = JSON.stringify({ ...schema, $defs }).replaceAll('#/components/schemas/', '#/$defs/')
  return z.fromJSONSchema(JSON.parse(text) as z.core.JSONSchema.JSONSchema)
}

interface Operation {
  readonly requestBody: { readonly content: Readonly<Record<string, { readonly schema: object }>> }
  readonly responses: Readonly<
    Record<
      string,
      { readonly content: Readonly<Record<string, { readonly schema: object; 'x-nb-message'?: object }>> }
    >
  >
}

/** What a program that has only the document knows of a method. */
function operationOf(document: ApiDocument, path: string) {
  const { requestBody, responses } = document.paths[path]?.['post'] as Operation
  const ok = responses['200']?.content ?? {}
  return {
    argument: readerOf(document, requestBody.content['application/json']?.schema ?? {}),
    result: readerOf(document, ok['application/json']?.schema ?? {}),
    message: readerOf(document, ok['text/event-stream']?.['x-nb-message'] ?? {}),
    failure: readerOf(document, responses['default']?.content['application/json']?.schema ?? {}),
  }
}

t.test('every method of every port is described, and all that it refers to is there', async (t) => {
  const document = describePorts()
  const methods = portNames.flatMap((port) =>
    Object.keys(portContracts[port]).map((method) => `/rpc/${port}/${method}`),
  )
  t.same(Object.keys(document.paths).sort(), ['/nb', '/nb/openapi.json', ...methods].sort())
  const references = JSON.stringify(document).matchAll(/"\$ref":"#\/components\/schemas\/(?<name>[^"]+)"/g)
  const missing = [...references].filter(
    ({ groups }) => document.components.schemas[groups?.['name'] ?? ''] === undefined,
  )
  t.same(missing, [])
  t.match(document.paths['/rpc/hosts/revoke'], {
    post: { description: 'May be called by administrator. Is in the audit log.' },
  })
  t.match(document.paths['/rpc/enrolment/enrol'], { post: { security: [{ certificate: [] }, {}] } })
})

t.test('what it says of a message is what is taken for one', async (t) => {
  const document = describePorts(['jobs'])
  const { argument } = operationOf(document, '/rpc/jobs/submit')
  t.equal(argument.safeParse({ json: exampleJob('1') }).success, true)
  t.equal(argument.safeParse({ json: { ...exampleJob('1'), colour: 'red' } }).success, false)
  t.equal(argument.safeParse({ json: { ...exampleJob('1'), client: 7 } }).success, false)
  t.equal(document.paths['/rpc/catalog/browse'], undefined)
})

const hasCurl = (() => {
  try {
    execFileSync('curl', ['--version'])
    return true
  } catch {
    return false
  }
})()

t.test(
  'curl calls a master by its description alone',
  hasCurl ? {} : { skip: 'curl is not here: apt-get install curl' },
  async (t) => {
    const authority = await testAuthority()
    const jobs = createMemoryJobs()
    await jobs.submit(exampleJob('1'))
    const server = await serve(
      { jobs, scheduler: createMemoryScheduler() },
      {
        ...{ port: 0, host: '127.0.0.1', access: createAccessControl({ clock: systemClock() }) },
        identity: held(await authority.identity('master1', ['master'])),
      },
    )
    t.teardown(server.stop)
    const directory = mkdtempSync(join(tmpdir(), 'nb-curl-'))
    t.teardown(() => rmSync(directory, { recursive: true }))
    const keep = (name: string, text: string): string => {
      const path = join(directory, name)
      writeFileSync(path, text, { mode: 0o600 })
      return path
    }
    const authorities = keep('authorities.pem', authority.certificate)
    const name = dnsNameOf('master1')
    const argumentsFor = async (who: string, role: 'operator' | 'viewer', path: string, body?: string) => {
      const { certificate, privateKey } = await authority.identity(who, [role])
      const own = keep(`${who}.pem`, certificate)
      const key = keep(`${who}.key`, privateKey)
      return [
        ...[
          '--silent',
          '--show-error',
          '--no-buffer',
          '--tlsv1.3',
          '--cacert',
          authorities,
          '--cert',
          own,
          '--key',
          key,
        ],
        ...['--resolve', `${name}:${server.port}:127.0.0.1`],
        ...(body === undefined ? [] : ['--header', 'content-type: application/json', '--data', body]),
        `https://${name}:${server.port}${path}`,
      ]
    }
    const curl = async (
      who: string,
      role: 'operator' | 'viewer',
      path: string,
      json?: object,
    ): Promise<string> => {
      const body = json === undefined ? undefined : JSON.stringify({ json })
      return (await run('curl', await argumentsFor(who, role, path, body))).stdout
    }

    const document = JSON.parse(await curl('ann', 'operator', '/nb/openapi.json')) as ApiDocument
    t.equal(document.openapi, '3.1.0')
    t.equal(document.paths['/rpc/catalog/browse'], undefined, 'what is not served is not described')

    const get = operationOf(document, '/rpc/jobs/get')
    const answer: unknown = JSON.parse(await curl('ann', 'operator', '/rpc/jobs/get', { jobId: '1' }))
    t.match(get.result.parse(answer), { json: { id: '1', state: 'queued' } })
    t.same(get.result.parse(JSON.parse(await curl('ann', 'operator', '/rpc/jobs/get', { jobId: '9' }))), {})

    const list = operationOf(document, '/rpc/jobs/list')
    const events = await curl('ann', 'operator', '/rpc/jobs/list', {})
    const [, data = ''] = /^event: message\ndata: (.*)$/m.exec(events) ?? []
    t.match(list.message.parse(JSON.parse(data)), { json: [{ id: '1' }] })
    t.match(events, /^event: done$/m)

    const refused: unknown = JSON.parse(
      await curl('eve', 'viewer', '/rpc/scheduler/putPolicy', { policy: examplePolicy }),
    )
    const { failure } = operationOf(document, '/rpc/scheduler/putPolicy')
    t.match(failure.parse(refused), {
      json: { code: 'access-denied', data: { status: 46, retryable: false } },
    })
    const wrong: unknown = JSON.parse(await curl('ann', 'operator', '/rpc/jobs/get', { jobId: 1 }))
    t.match(failure.parse(wrong), {
      json: { code: 'message-invalid', data: { details: { field: 'jobId' } } },
    })

    const watching = spawn('curl', await argumentsFor('ann', 'operator', '/rpc/jobs/watch', '{"json":{}}'))
    let seen = ''
    watching.stdout.setEncoding('utf8').on('data', (piece: string) => (seen += piece))
    await turnsUntil(() => seen.includes('"state":"queued"'))
    jobs.change('1', { state: 'active' })
    await turnsUntil(() => seen.includes('"state":"active"'))
    watching.kill()
    await turnsUntil(() => jobs.watching === 0)
    t.pass('a stream is told as it comes, and ends with its reader')
  },
)
