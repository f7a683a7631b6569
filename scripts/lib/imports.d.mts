export function importsOf(file: string): string[]
export function relativeImportsOf(file: string): string[]
export function cycleThrough(file: string, first: string): string[] | undefined
export function packageName(specifier: string): string
