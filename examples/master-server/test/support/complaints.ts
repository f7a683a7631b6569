/** What a program has said on standard error beside that its master was away, with the remedy: so it is where a test has taken the master from it. */
export function otherThanMasterAway(said: string): string {
  return said.replace(/^warning: no connection to the master at \S+ since .*\n.*\n/gm, '')
}
