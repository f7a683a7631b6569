export const marker: string
export function packageFolders(): string[]
export function renderReadme(folder: string): string
export function packageDocumentation(source: string): string
export function firstExample(markdown: string): string | undefined
