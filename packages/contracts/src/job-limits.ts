/** Limits on consumption. */
export interface JobLimits {
  readonly maxJobsPerPolicy?: number
  /** Most jobs of any one client. */
  readonly maxJobsPerClient?: number
  /** Most jobs of this client, instead of the former. */
  readonly maxJobsThisClient?: number
}
