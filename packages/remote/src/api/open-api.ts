import { accessTable } from '../access/table.ts'
import {
  infoPath,
  openApiPath,
  rpcPrefix,
  serverInfo,
  versionHeader,
  wireVersion,
} from '../calls/server-info.ts'
import type { CallContract, StreamContract } from '../contracts/port-contract.ts'
import { portContracts, portNames, type PortName } from '../contracts/ports.ts'
import { nothing, type Schema } from '../schemas/schema.ts'
import { failedCall } from '../wire/wire-error.ts'
import { mayText, type AnyRule } from './may-text.ts'
import { type JsonSchema, referenceTo, schemaComponents } from './schema-components.ts'

/** A document of OpenAPI 3.1, as plain data. */
export interface ApiDocument {
  readonly openapi: '3.1.0'
  readonly info: { readonly title: string; readonly version: string; readonly description: string }
  readonly paths: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly components: {
    readonly schemas: Readonly<Record<string, JsonSchema>>
    readonly [section: string]: unknown
  }
  readonly [section: string]: unknown
}

const description = `The ports of nb: what its own programs call one another by, and any other program may.

A call is a POST with \`{"json": argument}\`; the answer is \`{"json": result}\`, or \`{}\` where there is none. An argument is taken exactly as its schema
says: a field that is not there is refused.

A method that gives a row of items answers with server-sent events (text/event-stream): each \`message\` has \`{"json": [item, …]}\` as its data, \`done\` ends
the row, \`error\` ends it with what a failed call is answered with. A comment is sent now and then. Whoever has read enough closes the connection.

Hosts and persons prove themselves with a certificate of the site's authority (mutual TLS 1.3); a Unix socket of the same host needs none. Names of hosts in certificates
are NAME.nb.internal.`

type AnyMethod = CallContract<unknown, unknown> | StreamContract<unknown, unknown>

/**
 * The description of ports for programs in other languages, as a document of OpenAPI 3.1: every method with the schemas of its argument and
 * its result or items, and who may call it. A server gives it of the ports that it serves, at `GET /nb/openapi.json`.
 *
 * @param ports - which; all of them unless told otherwise
 */
export function describePorts(ports: readonly PortName[] = portNames): ApiDocument {
  const messages = new Map<string, Schema<unknown>>([
    ['failedCall', failedCall],
    ['serverInfo', serverInfo],
  ])
  const paths: Record<string, Record<string, unknown>> = {
    [infoPath]: {
      get: { operationId: 'nb', summary: 'What this server serves.', responses: answered('serverInfo') },
    },
    [openApiPath]: {
      get: {
        operationId: 'nb.openapi',
        summary: 'This document.',
        responses: { 200: { description: 'OpenAPI 3.1' } },
      },
    },
  }
  for (const port of ports)
    for (const [method, contract] of Object.entries<AnyMethod>(portContracts[port])) {
      const rule = (accessTable[port] as Readonly<Record<string, AnyRule>>)[method]
      const name = `${port}.${method}`
      const result = contract.kind === 'call' ? contract.output : contract.item
      messages.set(`${name}.argument`, contract.input)
      if (result !== nothing) messages.set(`${name}.${contract.kind === 'call' ? 'result' : 'item'}`, result)
      paths[`${rpcPrefix}/${port}/${method}`] = { post: operation(port, method, contract, rule) }
    }
  return {
    openapi: '3.1.0',
    info: { title: 'nb', version: String(wireVersion), description },
    tags: ports.map((name) => ({ name })),
    security: [{ certificate: [] }],
    paths,
    components: {
      securitySchemes: { certificate: { type: 'mutualTLS' } },
      schemas: schemaComponents(messages),
    },
  }
}

function operation(port: PortName, method: string, contract: AnyMethod, rule: AnyRule | undefined): object {
  const name = `${port}.${method}`
  return {
    operationId: name,
    tags: [port],
    ...(rule === undefined ? {} : { description: mayText(rule) }),
    ...(rule?.may.anyone === undefined ? {} : { security: [{ certificate: [] }, {}] }),
    parameters: [
      {
        name: versionHeader,
        in: 'header',
        description:
          'The version of the calls that the caller speaks; another than that of the server is refused.',
        schema: { const: String(wireVersion) },
      },
    ],
    requestBody: {
      required: true,
      content: { 'application/json': { schema: envelope(`${name}.argument`) } },
    },
    responses: { ...resultOf(name, contract), default: failed },
  }
}

function resultOf(name: string, contract: AnyMethod): object {
  if (contract.kind === 'stream')
    return {
      200: {
        description: `Server-sent events; the data of each message is a row of \`${name}.item\`.`,
        content: {
          'text/event-stream': {
            schema: { type: 'string', contentMediaType: 'text/event-stream' },
            'x-nb-message': {
              type: 'object',
              properties: { json: { type: 'array', items: referenceTo(`${name}.item`) } },
              required: ['json'],
            },
          },
        },
      },
    }
  if (contract.output === nothing)
    return {
      200: {
        description: 'Done.',
        content: { 'application/json': { schema: { type: 'object', maxProperties: 0 } } },
      },
    }
  const isSure = !contract.output.safeParse(undefined).success
  return {
    200: {
      description: isSure ? 'The result.' : 'The result, where there is one.',
      content: { 'application/json': { schema: envelope(`${name}.result`, isSure) } },
    },
  }
}

function envelope(name: string, isSure = true): object {
  return {
    type: 'object',
    properties: { json: referenceTo(name) },
    ...(isSure ? { required: ['json'] } : {}),
  }
}

function answered(name: string): object {
  return {
    200: { description: 'The answer.', content: { 'application/json': { schema: referenceTo(name) } } },
  }
}

const failed = {
  description:
    'Why the call was refused or failed: a code of nb, its status, and what to do about it in words.',
  content: { 'application/json': { schema: referenceTo('failedCall') } },
}
