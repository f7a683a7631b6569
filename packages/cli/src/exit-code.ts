import { InvalidArgumentError } from 'commander'

/** 0: done. 1: the request failed, or a job ended with a status above 1. 2: the command line was wrong. */
export type ExitCode = 0 | 1 | 2

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
