/** What who called the bench can mend: one line that names the option and the remedy. */
export class UsageError extends Error {
  override readonly name = 'UsageError'
}
