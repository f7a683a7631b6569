import { createHash } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { open } from 'node:fs/promises'
import { createInterface } from 'node:readline'
import { NbError, type Store } from '@nb/contracts'

const head = 'nb-database/1'
const batchLines = 1000

/**
 * Writes all that is in a database, as it is at one moment, to a file: a line of its form, a line of JSON for each key with its value,
 * and a last line with the SHA-256 of all before. Durable when it resolves.
 */
export async function dumpDatabase(database: Store, path: string): Promise<void> {
  const sum = createHash('sha256')
  const file = await open(path, 'wx', 0o600)
  try {
    let pending = `${head}\n`
    const flush = async (): Promise<void> => {
      sum.update(pending)
      await file.write(pending)
      pending = ''
    }
    // An iterator sees the database as it was when it was made.
    for await (const entry of database.iterator<string, string>({
      keyEncoding: 'utf8',
      valueEncoding: 'utf8',
    })) {
      pending += `${JSON.stringify(entry)}\n`
      if (pending.length > 256 * 1024) await flush()
    }
    await flush()
    await file.write(`sha256 ${sum.digest('hex')}\n`)
    await file.sync()
  } finally {
    await file.close()
  }
}

/** Brings what {@link dumpDatabase} wrote into an empty database, durably. Throws `store-corrupt`, `version-unsupported`. */
export async function loadDatabase(path: string, database: Store): Promise<void> {
  const sum = createHash('sha256')
  let told: string | undefined
  let number = 0
  let batch: { type: 'put'; key: string; value: string }[] = []
  const flush = async (): Promise<void> => {
    const options: object = { keyEncoding: 'utf8', valueEncoding: 'utf8', sync: true }
    await database.batch(batch, options)
    batch = []
  }
  for await (const line of createInterface({ input: createReadStream(path), crlfDelay: Infinity })) {
    number += 1
    if (told !== undefined) throw damaged(path, 'there is more behind its checksum')
    if (number === 1 && line !== head) throw refused(path, line)
    if (line.startsWith('sha256 ')) {
      told = line.slice('sha256 '.length)
      continue
    }
    sum.update(`${line}\n`)
    if (number > 1) batch.push({ type: 'put', ...entryOf(path, number, line) })
    if (batch.length >= batchLines) await flush()
  }
  if (told !== sum.digest('hex'))
    throw damaged(path, told === undefined ? 'its end is missing' : 'its checksum does not match')
  await flush()
}

function entryOf(
  path: string,
  number: number,
  line: string,
): { readonly key: string; readonly value: string } {
  try {
    const [key, value] = JSON.parse(line) as unknown[]
    if (typeof key === 'string' && typeof value === 'string') return { key, value }
  } catch {
    // Told below.
  }
  throw damaged(path, `line ${number} is no entry`)
}

function refused(path: string, line: string): NbError {
  if (!line.startsWith('nb-database/')) return damaged(path, `it does not begin with ${head}`)
  return new NbError('version-unsupported', `${path} is ${line.slice(0, 40)}, this version reads ${head}`, {
    details: { path },
  })
}

function damaged(path: string, why: string): NbError {
  return new NbError('store-corrupt', `the copy of the database ${path} is damaged: ${why}`, {
    details: { path },
  })
}
