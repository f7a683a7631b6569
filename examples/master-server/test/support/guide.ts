import { readFileSync } from 'node:fs'

/** A block of a guide: what is typed on a host, or a file that is written there. */
export type GuideBlock = {
  /** The host that its first line names. */
  readonly host: string
} & ({ readonly lines: readonly string[] } | { readonly file: string; readonly content: string })

/** The blocks of a guide that are marked with a host, `# HOST` or `# HOST: FILE` in their first line, in their order. */
export function readGuide(path: URL): readonly GuideBlock[] {
  const blocks = readFileSync(path, 'utf8').matchAll(
    /^```(?:sh|yaml)\n# (?<host>[a-z]+\d)(?:: (?<file>\S+))?\n(?<text>[^]*?)^```$/gm,
  )
  return [...blocks].map(({ groups }) => {
    const { host, file, text } = groups as { host: string; file?: string; text: string }
    return file === undefined
      ? { host, lines: text.split('\n').filter(Boolean) }
      : { host, file, content: text }
  })
}
