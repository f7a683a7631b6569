/** What a host may be. One host may be several. */
export type HostRole = 'master' | 'media-server' | 'client'

/** What a person may do: look, run the daily work, or everything. */
export type PersonRole = 'administrator' | 'operator' | 'viewer'

/** What an identity may be: the rights of a caller are those of its roles together. */
export type Role = HostRole | PersonRole
