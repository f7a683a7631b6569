import { defineConfig, type Options } from 'tsup'

type Config = ReturnType<typeof defineConfig>

const shared: Options = {
  format: ['esm'],
  target: 'node20.19',
  platform: 'node',
  sourcemap: true,
  dts: false,
  clean: false,
  silent: true,
  splitting: true,
  outDir: 'dist',
}

/** A published library. Declarations come from one `tsc -b` over all packages, so `dts` stays off. */
export function library(entry: string[] = ['src/index.ts']): Config {
  return defineConfig({ ...shared, entry })
}

/** A program of examples/ that runs from dist with its dependencies beside it. */
export function program(...entry: string[]): Config {
  return defineConfig({ ...shared, entry })
}
