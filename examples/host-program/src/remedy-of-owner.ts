import type { NbError } from '@nb/contracts'

/** What to do where the folder of a disk belongs to another media server; `undefined` where the error is of something else. */
export function remedyOfOwner({ code, details }: NbError): string | undefined {
  const { owner, storageUnit } = details
  if (code !== 'media-open-failed' || typeof owner !== 'string' || typeof storageUnit !== 'string')
    return undefined
  return `Give each media server a folder of its own. Only where ${owner} was renamed or is gone for good: start once with --take-disk ${storageUnit}.`
}
