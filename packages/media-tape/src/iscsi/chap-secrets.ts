import { readFileSync, statSync } from 'node:fs'
import { NbError } from '@nb/contracts'
import type { IscsiChap } from './options.ts'

/** What CHAP takes: `user` and `secret` are ours, `target-user` and `target-secret` what the target proves itself by. */
const keys = ['user', 'secret', 'target-user', 'target-secret'] as const
type Key = (typeof keys)[number]
type Fields = Partial<Record<Key, string>>

/** Where names and secrets for CHAP may stand. */
export interface ChapSecretsInput {
  /**
   * A file that only its owner can use: lines `user = …`, `secret = …`, and for mutual CHAP `target-secret = …` and, to insist on its name,
   * `target-user = …`. Empty lines and those that begin with `#` say nothing.
   * @default the environment is asked
   */
  readonly file?: string
  /** Has `NB_ISCSI_USER`, `NB_ISCSI_SECRET`, `NB_ISCSI_TARGET_USER` and `NB_ISCSI_TARGET_SECRET`, where they are set; `process.env`. */
  readonly environment?: Readonly<Record<string, string | undefined>>
}

/**
 * Reads names and secrets for CHAP from a file, else from the environment; `undefined` where none are given.
 * @throws NbError `argument-invalid` where the file can't be read, others can use it, or something is missing; it repeats nothing of what
 * stands there
 */
export function readChapSecrets({ file, environment = {} }: ChapSecretsInput): IscsiChap | undefined {
  if (file !== undefined) return chapOf(fieldsOfFile(file), file)
  const fields: Fields = {}
  for (const key of keys) {
    const value = environment[variableOf(key)]
    if (value !== undefined && value !== '') fields[key] = value
  }
  return Object.keys(fields).length === 0 ? undefined : chapOf(fields, 'the environment', variableOf)
}

const variableOf = (key: Key): string => `NB_ISCSI_${key.toUpperCase().replace('-', '_')}`

function fieldsOfFile(file: string): Fields {
  const fields: Fields = {}
  for (const [index, line] of textOf(file).split('\n').entries()) {
    if (/^\s*(#|$)/.test(line)) continue
    const [, name, value] = /^\s*([a-z-]+)\s*=\s*(.*?)\s*$/.exec(line) ?? []
    const key = keys.find((one) => one === name)
    if (key === undefined || value === undefined || value === '')
      throw invalid(`${file}, line ${index + 1}: it must be KEY = VALUE, where KEY is ${keys.join(', ')}`)
    if (fields[key] !== undefined) throw invalid(`${file}, line ${index + 1}: ${key} is there twice`)
    fields[key] = value
  }
  return fields
}

function textOf(file: string): string {
  try {
    const stats = statSync(file)
    if (stats.isDirectory()) throw invalid(`${file} is a directory: name the file of secrets`)
    if ((stats.mode & 0o077) === 0) return readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof NbError) throw error
    const { code = '' } = error as NodeJS.ErrnoException
    throw invalid(`the file of secrets ${file} can't be read (${code})`)
  }
  throw invalid(`others than its owner can use the file of secrets ${file}: chmod 600 ${file}`)
}

function chapOf(fields: Fields, where: string, called: (key: Key) => string = (key) => key): IscsiChap {
  const { user, secret, 'target-user': name, 'target-secret': proof } = fields
  if (user === undefined || secret === undefined)
    throw invalid(`${where} has to tell both ${called('user')} and ${called('secret')}`)
  if (proof !== undefined)
    return { name: user, secret, target: { secret: proof, ...(name === undefined ? {} : { name }) } }
  if (name !== undefined)
    throw invalid(`${where} has ${called('target-user')} without ${called('target-secret')}`)
  return { name: user, secret }
}

function invalid(message: string): NbError {
  return new NbError('argument-invalid', message, { details: { field: 'chap' } })
}
