import { caseDetail } from './html/detail.ts'
import { auditTable } from './html/audit.ts'
import { causesList } from './html/causes.ts'
import { charts } from './html/charts.ts'
import { headOf, inScript } from './html/document.ts'
import { elements } from './html/elements.ts'
import { matrix } from './html/matrix.ts'
import { page } from './html/page.ts'
import { toJSON } from './json.ts'
import type { Results } from './results.ts'

/** The functions that fill the page, as their own source: each uses nothing but what it is given. */
const script = `(() => {
const make = (${String(elements)})()
const cells = (${String(matrix)})(make)
const show = (${String(caseDetail)})(make, (${String(charts)})(make))
const faults = (${String(auditTable)})(make)
const causes = (${String(causesList)})(make)
;(${String(page)})(make, cells, show, faults, causes)
})()`

/** Results as one page that needs nothing else: it opens from disk, and asks no network. */
export function* renderHtml(results: Results): Iterable<string> {
  const { cases, ...rest } = results
  yield `${headOf(script)}
<body>
<header><h1>torch-parity: <span id="engine"></span></h1><p id="how"></p><button type="button" id="theme">Light / dark</button></header>
<main>
<section aria-label="summary"><ul id="tiles"></ul><ul id="errors"></ul></section>
<section aria-labelledby="why" id="causes" hidden><h2 id="why">What the mismatches come from</h2><ol id="groups"></ol></section>
<section aria-labelledby="by"><h2 id="by">Largest share of the allowed error, by module and trait</h2>
<div id="matrix" class="scroll" tabindex="0" role="region" aria-labelledby="by"></div></section>
<section aria-label="cases" id="cases">
<div id="left">
<div class="bar" role="search">
<input type="search" id="search" placeholder="Search ids, files, traits ( / )" aria-label="search cases">
<select id="outcome" aria-label="outcome"><option value="all">all outcomes</option><option value="match">match</option><option value="mismatch">mismatch</option><option value="undecided">undecided</option><option value="unsupported">unsupported</option></select>
<select id="order" aria-label="order"><option value="file">in order of files</option><option value="share">largest share first</option></select>
<button type="button" id="clear" hidden>Clear</button>
</div>
<p id="count" role="status"></p>
<ul id="list" aria-label="cases"></ul>
<button type="button" id="more" hidden>Show more</button>
</div>
<article id="panel" aria-label="case" hidden><button type="button" id="close">Close (Esc)</button><div id="detail"></div></article>
</section>
<details id="audit" hidden><summary>Which file reveals which fault: <span id="faults"></span></summary>
<p>In how many of the cases that a fault is about a port with it would be found out. A folder opens into its files.</p>
<div id="reveals" class="scroll" tabindex="0" role="region" aria-label="faults by files"></div></details>
<details id="recorded"><summary>Where the cases come from</summary>
<div class="scroll" tabindex="0" role="region" aria-label="provenance"><table><thead><tr><th scope="col">file</th><th scope="col">suite</th><th scope="col">cases</th><th scope="col">seed</th><th scope="col">recorded by</th></tr></thead><tbody id="provenance"></tbody></table></div></details>
<footer><p><kbd>/</kbd> search · <kbd>↑</kbd> <kbd>↓</kbd> move · <kbd>Enter</kbd> open · <kbd>Esc</kbd> close, then clear</p></footer>
</main>
<script type="application/json" id="data">${inScript(toJSON(rest)).slice(0, -1)},"cases":[`
  for (const [i, each] of cases.entries()) yield `${i === 0 ? '' : ','}\n${inScript(toJSON(each))}`
  yield `]}</script>
<script>${script}</script>
</body>
</html>
`
}
