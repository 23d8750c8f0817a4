import pc from 'picocolors'
import { kept } from '../../verify/again.ts'
import type { Case } from '../../format/case.ts'
import { logLine, ParityError } from '../../format/errors.ts'
import { rememberNext } from '../../verify/exact.ts'
import type { Fixture } from '../../format/fixture.ts'
import type { Engine } from '../../engine/run.ts'
import type { FixtureAnswers } from '../../ports/answers.ts'
import { renderFile } from '../../report/text.ts'
import { type Observer, verify, verifyChain, type Verdict } from '../../verify.ts'
import { addErrorToModules } from '../../report/modules.ts'
import { findFixtures, openFile } from '../files.ts'
import { width } from '../terminal.ts'
import { type Given, report } from './reporting.ts'
import { fail, isOver, type Run } from './run.ts'

/** Judges every case behind the paths, and shows what came of each. */
export async function judgeFiles(run: Run, paths: readonly string[]): Promise<void> {
  const { files, names, errors } = await findFixtures(paths)
  for (const error of errors) fail(run, error)
  for (const file of files) {
    if (isOver(run)) return
    try {
      await judgeFile(run, file, names.get(file) ?? '', await openFile(file))
    } catch (error) {
      fail(run, error, file)
    }
  }
}

async function judgeFile(run: Run, file: string, name: string, fixture: Fixture): Promise<void> {
  const { options, progress } = run
  progress.expect(Math.ceil(fixture.length / (options.shard?.of ?? 1)))
  if (fixture.length === 0) {
    fail(run, new ParityError('NOTHING_JUDGED', `${file}: expected at least one case, got none`), file)
  }
  run.known?.opened(file, fixture)
  let titled = false
  let answers: FixtureAnswers | undefined
  for await (const read of fixture.cases(run.deal?.of(fixture))) {
    if (isOver(run)) return
    if (read.error !== undefined) {
      run.failed++
      fail(run, read.error, file)
      continue
    }
    const { id } = read.case
    run.known?.read(file, id)
    progress.advance(() => logLine(`${file} ${id}`))
    if (!run.isMeant(`${file}#${id}`)) {
      run.filtered++
      continue
    }
    if (!titled && !options.quiet) progress.print(renderFile(file, fixture.header, fixture.length, pc, width()))
    if (!titled) {
      const { name: suite, seed, producer } = fixture.header
      run.fixtures.push({ file, name: suite, seed, cases: fixture.length, producer })
    }
    if (!titled && run.answers !== undefined) {
      answers = await run.answers.to(file, name)
      for (const error of answers.errors) fail(run, error, file)
    }
    titled = true
    const recorded = judgedAs(run, file, read.case)
    if (recorded === undefined) {
      run.failed++
      continue
    }
    const given: Given = { answer: undefined, outputs: undefined, ms: 0, parts: [] }
    const engine = answers?.engineFor(recorded) ?? run.engine
    const verdict = await judgeCase(run, file, recorded, engine, given)
    if (verdict === undefined) failedAt(run, recorded)
    else await report(run, file, verdict, recorded, given)
    await run.interruption.breathe()
  }
  // What was not asked for is not surplus.
  if (options.filter.length === 0) answers?.end()
  if (run.deal === undefined) run.known?.ended(file)
}

/** Counts a case of which there is no verdict. */
function failedAt(run: Run, { module }: Case): void {
  run.failed++
  if (!run.interruption.signal.aborted) addErrorToModules(run.modules, module)
}

/** undefined where a target says nothing of such a case: it is an error of that case. */
function judgedAs(run: Run, file: string, recorded: Case): Case | undefined {
  try {
    return run.judged.as(recorded)
  } catch (error) {
    fail(run, error, file, recorded.id)
    return undefined
  }
}

async function judgeCase(
  run: Run,
  file: string,
  recorded: Case,
  engine: Engine,
  given: Given,
): Promise<Verdict | undefined> {
  const { judgement, options } = run
  const began = performance.now()
  const observer: Observer = {
    ratios: true,
    wholeOnly: run.answers !== undefined,
    onAnswer: (answer) => {
      // Of the whole case, which comes first; single steps come after it.
      if (given.ms > 0) return
      given.ms = performance.now() - began
      given.answer = kept(answer)
    },
    onOutputs: (outputs) => (given.outputs ??= outputs),
    onWrongPart: (part, outputs) => given.parts.push({ recorded: part, outputs }),
  }
  // What was judged before a part has failed stands.
  let verdict: Verdict | undefined
  try {
    rememberNext()
    verdict = await verify(recorded, engine, judgement, observer)
    if (options.repeat < 2) return verdict
    const chained = await verifyChain(recorded, engine, verdict, judgement, options.order)
    if (chained.asked) run.chains++
    else if (chained.refused !== undefined) run.refusedParts++
    return chained.verdict
  } catch (error) {
    if (run.interruption.signal.aborted) return verdict
    if (error instanceof ParityError && error.code === 'ENGINE_TIMEOUT') run.timeouts++
    fail(run, error, file, recorded.id)
    return verdict
  }
}
