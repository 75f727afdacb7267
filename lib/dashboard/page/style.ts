/** The page's style sheet. */
export const STYLE = `
:root { color-scheme: light dark; --bg: #fff; --fg: #1c1f23; --dim: #5b6470; --line: #d5dae1; --head: #f3f5f8; --good: #0a6b34;
  --bad: #b3161f; --warn: #8a5200; --accent: #0b57d0; --accent-fg: #fff; }
@media (prefers-color-scheme: dark) { :root { --bg: #14171b; --fg: #e6e9ed; --dim: #a3adb9; --line: #353c45; --head: #1d2127; --good: #5fd38d;
  --bad: #ff8f8f; --warn: #f0b65a; --accent: #8ab4f8; --accent-fg: #0b1526; } }
* { box-sizing: border-box; }
body { margin: 0; background: var(--bg); color: var(--fg); font: 15px/1.45 system-ui, sans-serif; }
header, main { max-width: 1500px; margin: 0 auto; padding: 0 1.25rem; }
header { display: flex; flex-wrap: wrap; gap: .5rem 1.25rem; align-items: baseline; padding-top: 1rem; }
h1 { font-size: 1.35rem; margin: 0; }
h2 { font-size: 1.05rem; margin: 1.75rem 0 .5rem; }
p { margin: .35rem 0; }
.dim { color: var(--dim); } .good { color: var(--good); } .bad { color: var(--bad); } .warn { color: var(--warn); }
.scroll { overflow-x: auto; border: 1px solid var(--line); border-radius: 6px; }
table { border-collapse: collapse; width: 100%; font-variant-numeric: tabular-nums; }
caption { position: absolute; width: 1px; height: 1px; overflow: hidden; clip-path: inset(50%); }
th, td { text-align: left; vertical-align: top; padding: .4rem .65rem; border-top: 1px solid var(--line); }
thead th { border-top: 0; background: var(--head); font-weight: 600; white-space: nowrap; }
tbody th { font-weight: 600; }
th.n, td.n { text-align: right; white-space: nowrap; }
td.w, th.w { overflow-wrap: anywhere; min-width: 9rem; }
.line { display: block; }
td:not(.w) .line { white-space: nowrap; }
th .dim { font-weight: 400; }
button, input, select { font: inherit; color: inherit; background: var(--bg); border: 1px solid var(--dim); border-radius: 5px; padding: .2rem .6rem; }
button { cursor: pointer; } button:hover { border-color: var(--accent); }
button[disabled], button[aria-disabled=true] { cursor: default; opacity: .55; }
button.main { background: var(--accent); border-color: var(--accent); color: var(--accent-fg); }
:focus-visible { outline: 3px solid var(--accent); outline-offset: 1px; }
form { display: flex; flex-wrap: wrap; gap: .6rem 1rem; align-items: end; margin: .5rem 0; }
label { display: grid; gap: .15rem; color: var(--dim); }
label input, label select { color: var(--fg); }
svg { display: block; width: 100%; height: 130px; border: 1px solid var(--line); border-radius: 6px; }
svg path { fill: none; stroke-width: 2; vector-effect: non-scaling-stroke; stroke: currentColor; }
svg path.dash { stroke-dasharray: 5 4; } svg path.dot { stroke-dasharray: 1 4; stroke-linecap: round; }
.legend { display: flex; flex-wrap: wrap; gap: .25rem 1.25rem; }
.received { color: var(--accent); } .sent { color: var(--good); } .failed { color: var(--bad); }
footer { padding: 1.5rem 0; }
`;
