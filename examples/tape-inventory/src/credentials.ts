import { readFileSync, statSync } from 'node:fs'
import type { IscsiChap, IscsiUrl } from '@nb/media-tape'

/** What CHAP takes: `user` and `secret` are ours, `target-user` and `target-secret` what the target proves itself by. */
const keys = ['user', 'secret', 'target-user', 'target-secret'] as const
type Fields = Partial<Record<(typeof keys)[number], string>>

/** What stands in a file, in variables or in a URL is no name and secret. The message repeats none of it. */
export class CredentialsError extends Error {}

/**
 * Name and secret for CHAP: from a file, else from `NB_ISCSI_USER`, `NB_ISCSI_SECRET`, `NB_ISCSI_TARGET_USER` and
 * `NB_ISCSI_TARGET_SECRET`, else from the URL, which every user of this host can see in the list of processes.
 * @returns `undefined` where none are given
 * @throws CredentialsError
 */
export function readCredentials(
  file: string | undefined,
  environment: Readonly<Record<string, string | undefined>>,
  url: IscsiUrl,
): IscsiChap | undefined {
  if (file !== undefined) return chapOf(fieldsOfFile(file), file)
  const fields: Fields = {}
  for (const key of keys) {
    const value = environment[`NB_ISCSI_${key.toUpperCase().replace('-', '_')}`]
    if (value !== undefined && value !== '') fields[key] = value
  }
  return Object.keys(fields).length === 0 ? url.chap : chapOf(fields, 'the environment')
}

/** Lines `key = value`; empty ones and those that begin with `#` say nothing. */
function fieldsOfFile(file: string): Fields {
  let text: string
  try {
    if ((statSync(file).mode & 0o077) !== 0)
      throw new CredentialsError(`${file} can be read by others than its owner: chmod 600 ${file}`)
    text = readFileSync(file, 'utf8')
  } catch (error) {
    if (error instanceof CredentialsError) throw error
    throw new CredentialsError(`${file} can't be read: ${(error as Error).message}`)
  }
  const fields: Fields = {}
  for (const [index, line] of text.split('\n').entries()) {
    if (/^\s*(#|$)/.test(line)) continue
    const [, name, value] = /^\s*([a-z-]+)\s*=\s*(.*?)\s*$/.exec(line) ?? []
    const key = keys.find((one) => one === name)
    if (key === undefined || value === undefined || value === '')
      throw new CredentialsError(`${file}, line ${index + 1}: it must be KEY = VALUE with ${keys.join(', ')}`)
    fields[key] = value
  }
  return fields
}

function chapOf(fields: Fields, where: string): IscsiChap {
  const { user, secret, 'target-user': name, 'target-secret': proof } = fields
  if (user === undefined || secret === undefined)
    throw new CredentialsError(`${where} has to tell both a user and a secret`)
  if (proof === undefined) {
    if (name !== undefined) throw new CredentialsError(`${where} has a target-user without a target-secret`)
    return { name: user, secret }
  }
  return { name: user, secret, target: { secret: proof, ...(name === undefined ? {} : { name }) } }
}
