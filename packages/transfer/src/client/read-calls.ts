import type { Posix } from '../posix/posix.ts'

/** The system calls that reading a tree needs: {@link Posix} itself, or the portable ones where there is none. */
export type ReadCalls = Pick<
  Posix,
  | 'open'
  | 'close'
  | 'read'
  | 'readAt'
  | 'seekData'
  | 'seekHole'
  | 'readDirectory'
  | 'stat'
  | 'statFd'
  | 'readLink'
  | 'listAttributesFd'
  | 'listAttributesAt'
  | 'getAttributeFd'
  | 'getAttributeAt'
>
