import { createHash } from 'node:crypto';

import { SCRIPT_MAIN } from './script-main.js';
import { SCRIPT_PARTS } from './script-parts.js';
import { SCRIPT_VIEWS } from './script-views.js';
import { STYLE } from './style.js';

/** The page, and the policy that allows a browser this and nothing else. */
export interface DashboardPage {
  readonly html: string;
  readonly policy: string;
}

const SCRIPT = `'use strict';(function () {${SCRIPT_PARTS}${SCRIPT_VIEWS}${SCRIPT_MAIN}}());`;

const LINES = [
  ['received', ''],
  ['sent', 'dash'],
  ['failed', 'dot'],
]
  .map(([name, dashes]) => `<path id="path-${name}" class="${name} ${dashes}"></path>`)
  .join('');

/** One document without a link to anything: what it shows it asks its own API for. */
export function renderPage(title: string): DashboardPage {
  const policy = [
    "default-src 'none'",
    `script-src '${hashOf(SCRIPT)}'`,
    `style-src '${hashOf(STYLE)}'`,
    "connect-src 'self'",
    'img-src data:',
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
  ].join('; ');
  return { html: documentOf(escapeHtml(title)), policy };
}

/** Text as it may stand in HTML, in an attribute too. */
export function escapeHtml(text: string): string {
  const entities: Readonly<Record<string, string>> = {
    '&': '&amp;',
    '<': '&lt;',
    '>': '&gt;',
    '"': '&quot;',
    "'": '&#39;',
  };
  return text.replaceAll(/[&<>"']/g, (character) => entities[character] ?? '');
}

function documentOf(title: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title}</title>
<link rel="icon" href="data:,">
<style>${STYLE}</style>
</head>
<body>
<header>
<h1>${title}</h1>
<span id="live" class="dim">loading</span>
<button id="hold" type="button" aria-pressed="false">Hold</button>
<span id="answer" role="status" aria-live="polite"></span>
</header>
<main>
<noscript><p>This page needs JavaScript. The same is JSON at <code>api/state</code>, below the path of this page.</p></noscript>
<section aria-labelledby="rates-title">
<h2 id="rates-title">Messages</h2>
<p class="legend"><span id="now-received" class="received"></span><span id="now-sent" class="sent"></span><span id="now-failed" class="failed"></span></p>
<svg viewBox="0 0 1000 100" preserveAspectRatio="none" role="img" aria-labelledby="rates-title" aria-describedby="chart-note">${LINES}</svg>
<p id="chart-note" class="dim"></p>
</section>
<section id="connections"><h2>Connections</h2></section>
<section id="consumers"><h2>Consumers</h2></section>
<section id="senders"><h2>Senders</h2></section>
<section id="actions" hidden><h2>Actions</h2>
<form id="inspect" aria-label="Depth of a queue">
<label>Connection <select name="connection"></select></label>
<label>Queue <input name="queue" required maxlength="500" autocomplete="off"></label>
<button class="main">How deep is it?</button>
</form>
<form id="redrive" aria-label="Move dead letters back">
<label>Connection <select name="connection"></select></label>
<label>Dead letters in <input name="from" required maxlength="500" autocomplete="off"></label>
<label>To (empty: where each came from) <input name="to" maxlength="500" autocomplete="off"></label>
<label>At most <input name="max" type="number" min="1" max="10000" value="100" required></label>
<button class="main">Move back</button>
</form>
</section>
<section id="failures"><h2>Recent failures</h2></section>
<footer class="dim">nestjs-amqp10. Bodies of messages are never shown.</footer>
</main>
<script>${SCRIPT}</script>
</body>
</html>
`;
}

function hashOf(text: string): string {
  return `sha256-${createHash('sha256').update(text).digest('base64')}`;
}
