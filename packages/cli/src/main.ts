#!/usr/bin/env node
import { systemClock } from '@nb/contracts'
import { runProcess } from './run-nb.ts'

await runProcess(systemClock())
