import type { ErrorKind, StatusCode } from '@nb/contracts'

export const statusUses: Readonly<Record<number, string | undefined>>
export function renderStatusPage(tables: {
  readonly statusCodes: Readonly<Record<number, StatusCode>>
  readonly errorKinds: Readonly<Record<string, ErrorKind>>
}): string
