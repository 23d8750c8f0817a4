// Compiles src/engine/kernels, once for each precision and each way to multiply and add, into src/engine/binaries.ts, unless they
// are what that was compiled from.
import { createHash } from 'node:crypto'
import { existsSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

const root = new URL('..', import.meta.url)
const folder = new URL('src/engine/kernels/', root)
const target = new URL('src/engine/binaries.ts', root)

/** By name, what differs. */
const binaries = {
  float64: ['--use', 'Real=f64', '--use', 'FUSED=0'],
  float32: ['--use', 'Real=f32', '--use', 'FUSED=0'],
  fusedFloat64: ['--use', 'Real=f64', '--use', 'FUSED=1', '--enable', 'relaxed-simd'],
  fusedFloat32: ['--use', 'Real=f32', '--use', 'FUSED=1', '--enable', 'relaxed-simd'],
}
// No run-time of a language, no checks, nothing imported. 112: vectors between functions are no business of JavaScript here.
const flags = [
  '-O3',
  '--runtime',
  'stub',
  '--noAssert',
  '--use',
  'abort=',
  '--enable',
  'simd',
  '--disableWarning',
  '112',
]

const hash = createHash('sha256')
for (const file of [fileURLToPath(import.meta.url), ...readdirSync(folder).map((name) => new URL(name, folder))]) {
  hash.update(readFileSync(file))
}
hash.update(readFileSync(new URL('node_modules/assemblyscript/package.json', root)))
const stamp = `// Of ${hash.digest('hex')}`
if (existsSync(target) && readFileSync(target, 'utf8').startsWith(`${stamp}\n`)) process.exit()

const { default: asc } = await import('assemblyscript/asc')

const entries = []
for (const [name, options] of Object.entries(binaries)) {
  let binary
  const { error } = await asc.main(
    [
      'src/engine/kernels/index.ts',
      '--outFile',
      'kernels.wasm',
      '--baseDir',
      fileURLToPath(root),
      ...flags,
      ...options,
    ],
    { writeFile: (_, contents) => (binary = contents), stderr: process.stderr },
  )
  if (error !== null || binary === undefined) {
    process.stderr.write(`${error?.message}\n`)
    process.exit(1)
  }
  entries.push(`  ${name}: '${Buffer.from(binary).toString('base64')}',`)
}
writeFileSync(
  target,
  `${stamp}\n// Made by ci/kernels.js; not to be edited.\nexport const binaries = {\n${entries.join('\n')}\n} as const\n`,
)
