// Adds up what vitest (JSON) and pytest (JUnit XML) counted. A skipped test that nobody expected is a failure.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'

const [vitestFile, pytestFile] = process.argv.slice(2)
const vitest = JSON.parse(readFileSync(vitestFile, 'utf8'))
const suite = /<testsuite [^>]*>/.exec(readFileSync(pytestFile, 'utf8'))[0]
const attribute = (name) => Number(new RegExp(`\\b${name}="(\\d+)"`).exec(suite)[1])

const pytest = {
  failed: attribute('failures') + attribute('errors'),
  skipped: attribute('skipped'),
  total: attribute('tests'),
}
const failed = vitest.numFailedTests + pytest.failed
const skipped = vitest.numPendingTests + vitest.numTodoTests + pytest.skipped
const passed = vitest.numPassedTests + pytest.total - pytest.failed - pytest.skipped

process.stdout.write(`vitest: ${vitest.numPassedTests} of ${vitest.numTotalTests}, pytest: ${pytest.total}\n`)
process.stdout.write(`${passed} passed, ${failed} failed, ${skipped} skipped\n`)

// What is built with g++ is skipped where there is none.
const withoutCpp = spawnSync('g++', ['--version']).error !== undefined
const all = vitest.testResults.flatMap(({ assertionResults }) => assertionResults)
const isExpected = ({ status, fullName }) =>
  withoutCpp && status !== 'passed' && status !== 'failed' && fullName.includes('which g++ builds')
const expected = all.filter(isExpected).length
if (expected > 0) process.stdout.write(`${expected} of those skipped need g++, which is not on the path\n`)
if (failed > 0 || skipped > expected || passed === 0) process.exitCode = 1
