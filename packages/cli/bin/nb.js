#!/usr/bin/env node
// npm links this at install time, before anything is built.
import '../dist/main.js'
