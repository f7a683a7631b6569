import type { Files } from '@nb/contracts'

/** Makes what a file has durable. */
export async function syncFile(files: Files, path: string): Promise<void> {
  const file = await files.open(path, 'update')
  await file.sync().finally(() => file.close())
}
