// What could not be judged, where many cases could not be for one reason.
import type { Failure } from './results.ts'

/** Messages: of each reason, which is what stands after the case, the first `most`, and how many there are beside. */
export function renderErrors(errors: readonly Failure[], most: number): string[] {
  const byReason = new Map<string, string[]>()
  for (const { code, message } of errors) {
    const reason = `${code} ${message.replace(/^.*?: case \S+: /, '')}`
    const same = byReason.get(reason)
    if (same === undefined) byReason.set(reason, [message])
    else same.push(message)
  }
  return [...byReason.values()].flatMap((messages) => {
    const shown = messages.slice(0, most)
    const left = messages.length - shown.length
    return left === 0 ? shown : [...shown, `the same in ${left} more`]
  })
}
