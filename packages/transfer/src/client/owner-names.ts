import { readFileSync } from 'node:fs'

/** Names of users and groups by number, as the archive carries them for people; numbers decide. */
export interface OwnerNames {
  user(uid: number): string | undefined
  group(gid: number): string | undefined
}

/** Reads `name:x:number:…` lines; the first name of a number counts, as the C library has it. */
export function parseOwnerFile(text: string): Map<number, string> {
  const names = new Map<number, string>()
  for (const line of text.split('\n')) {
    const [name, , number] = line.split(':')
    if (name === undefined || name === '' || number === undefined || !/^\d+$/.test(number)) continue
    if (!names.has(Number(number))) names.set(Number(number), name)
  }
  return names
}

/** The names in `/etc/passwd` and `/etc/group`, read now; a file that cannot be read gives no names. */
export function loadOwnerNames(): OwnerNames {
  const users = parseOwnerFile(textOf('/etc/passwd'))
  const groups = parseOwnerFile(textOf('/etc/group'))
  return { user: (uid) => users.get(uid), group: (gid) => groups.get(gid) }
}

function textOf(path: string): string {
  try {
    return readFileSync(path, 'latin1')
  } catch {
    // Names are an addition: without the file, owners are numbers, which is what a restore uses anyway.
    return ''
  }
}
