import { address } from '../html/address.ts'
import { booted, headOf, late } from '../html/document.ts'
import { elements } from '../html/elements.ts'
import { engines } from '../html/engines.ts'
import { packed } from '../html/packed.ts'
import { scrolling } from '../html/scrolling.ts'
import type { Matrix } from '../matrix.ts'
import { times } from '../times.ts'

const script = booted(`
const elements = (${String(elements)})(${String(times)})
;(${String(engines)})(elements, (${String(scrolling)})(elements), ${String(address)}, content)`)

const options = (...names: readonly string[]): string =>
  names.map((name) => `<option value="${name.split(' ')[0]}">${name}</option>`).join('')

/** A matrix as one page that needs nothing else: engines × modules, of one trait or of all, and the cases of a cell. */
export function* renderMatrixPage(matrix: Matrix): Iterable<string> {
  const { cases } = matrix
  yield `${headOf(script)}
<body>
<header><h1>torch-parity: engines beside PyTorch</h1><p>${cases.length} cases. A cell is how many of the cases that an engine supports match, and the largest share of the allowed error in a match of ordinary numbers; it opens its cases. <span id="how">${late}</span></p><button type="button" id="theme">Light / dark</button></header>
<main aria-busy="true">
<section aria-label="what is counted"><div class="bar">
<select id="trait" aria-label="trait"><option value="any">any trait</option></select>
<select id="values" aria-label="values">${options('all values', 'ordinary values', 'special values: NaN, infinities, subnormal, all tiny')}</select>
</div></section>
<section aria-label="engines by modules"><div id="matrix" class="scroll" role="region" aria-label="engines by modules"></div><ul id="errors"></ul></section>
<section aria-labelledby="chosen" id="cases" hidden><div id="left">
<h2 id="chosen"></h2><p class="meta" id="speed"></p><div id="groups" class="groups"><ol></ol></div>
<div class="bar"><select id="outcome" aria-label="outcome">${options('all outcomes', 'mismatch', 'failed', 'undecided', 'match', 'unsupported')}</select></div>
<p id="count" role="status"></p>
<ul id="list" aria-label="cases"></ul>
<button type="button" id="more" hidden>Show more</button>
</div></section>
</main>
<script type="application/octet-stream" id="data">${packed(matrix)}</script>
<script>${script}</script>
</body>
</html>
`
}
