import { InvalidArgumentError } from 'commander'

/**
 * 0: done. 1: the request failed, or a job ended with a status above 1. 2: the command line was wrong. 3: the server could not be reached, or
 * left before it answered. 4: the caller may not, or its identity is no good.
 */
export type ExitCode = 0 | 1 | 2 | 3 | 4

/**
 * The command line asks for something that makes no sense; ends with exit code 2. Thrown by what reads an argument, it is
 * told with the name of that.
 */
export class UsageError extends InvalidArgumentError {
  constructor(message: string) {
    super(message)
    this.name = 'UsageError'
  }
}
