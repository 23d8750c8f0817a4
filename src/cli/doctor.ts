import { execFile } from 'node:child_process'
import { join } from 'node:path'
import pc from 'picocolors'
import * as z from 'zod'
import { logLine, messageOf, oneLine } from '../format/errors.ts'
import { interpreter, packageFolder } from '../ports/interpreter.ts'
import { plural } from '../report/text.ts'
import { writeAside } from './files.ts'
import { say, write } from './terminal.ts'

interface DoctorOptions {
  readonly python?: string
  readonly json?: string
}

/** The oldest versions that package.json and python/pyproject.toml allow. */
const oldest = { python: '3.11', torch: '2.4', numpy: '1.26', msgpack: '1.0' } as const
const nodeVersions = '20.19, 22.12 or 24 and later'

const Package = z.union([z.object({ version: z.string() }), z.object({ error: z.string() })])
const Found = z.object({
  executable: z.string(),
  python: z.string(),
  /** Whether it is of a virtual environment. */
  environment: z.boolean().optional(),
  packages: z.object({ torch: Package, numpy: Package, msgpack: Package }),
  cpus: z.int(),
  num_threads: z.int().optional(),
  cpu_capability: z.string().optional(),
})
type Found = z.infer<typeof Found>

/** A line of the report; `problem` is what was expected instead. */
interface Finding {
  readonly name: string
  readonly value: string
  readonly problem?: string
}

/** Importing torch from a cold disk takes long. */
const timeoutMs = 120_000

/** Says what there is to record with, and how to mend what is missing. → the exit code */
export async function doctor(options: DoctorOptions): Promise<number> {
  const command = interpreter(options.python)
  const findings: Finding[] = [nodeFinding()]
  const mends: string[] = []
  if (findings[0]?.problem !== undefined) mends.push(`install Node ${nodeVersions}`)
  const found = await askPython(command)
  if (typeof found === 'string') {
    findings.push({ name: 'Python', value: `${command}: ${found}`, problem: `expected ${oldest.python} or newer` })
    mends.push('name a Python with --python or TORCH_PARITY_PYTHON')
  } else {
    findings.push(...pythonFindings(found))
    if (!isAtLeast(found.python, oldest.python)) mends.push('name another Python with --python or TORCH_PARITY_PYTHON')
    else if (findings.slice(2).some(({ problem }) => problem !== undefined)) {
      mends.push(...installing(found))
    }
  }
  for (const { name, value, problem } of findings) {
    const wrong = problem === undefined ? '' : pc.red(`  ${problem}`)
    say(`  ${name.padEnd(15)} ${logLine(value)}${wrong}`)
  }
  write(mends.length === 0 ? 'all there\n' : mends.map((mend) => `${logLine(mend)}\n`).join(''))
  if (options.json !== undefined) await writeAside(options.json, [`${JSON.stringify({ findings, mends })}\n`])
  return mends.length === 0 ? 0 : 2
}

/** How what is missing is installed: into a virtual environment, and on Linux the build of torch that brings no CUDA. */
function installing({ executable, environment }: Found): string[] {
  const index = process.platform === 'linux' ? '--extra-index-url https://download.pytorch.org/whl/cpu ' : ''
  const install = `-m pip install ${index}-r ${join(packageFolder, 'requirements.txt')}`
  if (environment !== false) return [`run ${executable} ${install}`]
  const own = join('.venv', ...(process.platform === 'win32' ? ['Scripts', 'python.exe'] : ['bin', 'python']))
  return [
    `run ${executable} -m venv .venv`,
    `run ${own} ${install}`,
    `and name it: --python ${own}, or TORCH_PARITY_PYTHON=${own}`,
  ]
}

function nodeFinding(): Finding {
  const { node } = process.versions
  const [major = 0] = node.split('.').map(Number)
  const fits = major >= 24 || (major === 22 && isAtLeast(node, '22.12')) || (major === 20 && isAtLeast(node, '20.19'))
  return { name: 'Node', value: node, ...(fits ? {} : { problem: `expected ${nodeVersions}` }) }
}

function pythonFindings({ executable, python, packages, cpus, num_threads, cpu_capability }: Found): Finding[] {
  const findings = [versionFinding('Python', `${python}, ${executable}`, python, oldest.python)]
  for (const name of ['torch', 'numpy', 'msgpack'] as const) {
    const one = packages[name]
    findings.push(
      'version' in one
        ? versionFinding(name, one.version, one.version, oldest[name])
        : { name, value: oneLine(one.error), problem: `expected ${oldest[name]} or newer` },
    )
  }
  if (cpu_capability !== undefined) findings.push({ name: 'CPU capability', value: cpu_capability })
  const threads = num_threads === undefined ? '' : `torch would use ${num_threads}, recording uses 1; `
  return [...findings, { name: 'threads', value: `${threads}${plural(cpus, 'CPU')}` }]
}

function versionFinding(name: string, value: string, version: string, wanted: string): Finding {
  return { name, value, ...(isAtLeast(version, wanted) ? {} : { problem: `expected ${wanted} or newer` }) }
}

/** Compares the first two numbers of versions. */
function isAtLeast(version: string, wanted: string): boolean {
  const [major = 0, minor = 0] = version.split('.').map((part) => Number.parseInt(part, 10))
  const [wantedMajor = 0, wantedMinor = 0] = wanted.split('.').map(Number)
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor)
}

/** → what Python found, or why it could not look. */
function askPython(command: string): Promise<Found | string> {
  return new Promise((resolve) => {
    // Never through a shell.
    const script = join(packageFolder, 'torch_parity', 'doctor.py')
    const kill = (): void => void child.kill('SIGKILL')
    const child = execFile(command, [script], { timeout: timeoutMs, killSignal: 'SIGKILL' }, (error, stdout) => {
      process.off('exit', kill)
      const line = stdout.split('\n').findLast((text) => text.startsWith('{'))
      try {
        resolve(Found.parse(JSON.parse(line ?? '')))
      } catch {
        resolve(oneLine(error === null ? 'is no Python' : messageOf(error)))
      }
    })
    process.on('exit', kill)
  })
}
