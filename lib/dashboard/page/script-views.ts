// The page's script, second half: what each table shows.

/** The tables and the chart. */
export const SCRIPT_VIEWS = String.raw`
var STATUS_TONE = { connected: 'good', blocked: 'warn', connecting: 'warn', disconnected: 'bad', closed: 'bad' };
var STATE_TONE = { running: 'good', attached: 'good', starting: 'warn', attaching: 'warn', lost: 'warn', refused: 'bad', failed: 'bad', paused: 'warn', closed: 'dim', idle: 'dim' };

function pairs(counts) {
  return Object.keys(counts).filter(function (name) { return counts[name] > 0; }).map(function (name) {
    return { text: name + ' ' + count(counts[name]) };
  });
}
function orDash(lines) { return lines.length > 0 ? lines : [{ text: '\u2013', tone: 'dim' }]; }

var showConnections = table('connections', 'Connections', 'No connection yet.', [
  ['Connection', 'w', function (cell, one) { setText(cell, one.name); }],
  ['Status', '', function (cell, one, state) {
    setLines(cell, [
      { text: one.status + (one.isGivenUp ? ', given up' : ''), tone: STATUS_TONE[one.status] },
      { text: 'since ' + clock(one.since) + ', ' + ago(one.since, state.at), tone: 'dim' },
      { text: one.reconnects + (one.reconnects === 1 ? ' reconnect' : ' reconnects'), tone: 'dim' },
    ]);
  }],
  ['Peer', 'w', function (cell, one) {
    var peer = one.peer;
    if (peer === undefined) return setLines(cell, [{ text: 'not known yet', tone: 'dim' }]);
    var said = [peer.product, peer.version].filter(Boolean).join(' ') || 'says nothing of itself';
    setLines(cell, [{ text: said }, { text: peer.uri }, { text: 'profile ' + peer.profile, tone: 'dim' }]);
  }],
  ['Last cause', 'w', function (cell, one, state) {
    var cause = one.lastCause;
    setLines(cell, cause === undefined ? orDash([]) : [
      { text: errorText(cause), tone: one.status === 'connected' ? 'dim' : 'bad' }, { text: cause.message }, { text: ago(cause.at, state.at), tone: 'dim' },
    ]);
  }],
  ['Links', 'w', function (cell, one) {
    var lines = one.links.map(function (link) {
      var text = link.role + ' ' + link.address + ': ' + link.state;
      if (link.error !== undefined) text += ', ' + errorText(link.error) + ': ' + link.error.message;
      return { text: text, tone: STATE_TONE[link.state] };
    });
    if (one.linkCount > one.links.length) lines.push({ text: 'and ' + count(one.linkCount - one.links.length) + ' more', tone: 'dim' });
    setLines(cell, orDash(lines));
  }],
], function (one) { return one.name; });

var showConsumers = table('consumers', 'Consumers', 'Nothing consumes yet.', [
  ['Consumer', 'w', function (cell, one) {
    var lines = [{ text: one.name }];
    one.addresses.filter(function (address) { return address !== one.name; }).forEach(function (address) { lines.push({ text: 'from ' + address, tone: 'dim' }); });
    if (one.connection !== 'default') lines.push({ text: 'on ' + one.connection, tone: 'dim' });
    setLines(cell, lines);
  }],
  ['State', '', function (cell, one) { setLines(cell, one.state === undefined ? orDash([]) : [{ text: one.state, tone: STATE_TONE[one.state] }]); }],
  ['In hand', 'n', function (cell, one) { setText(cell, one.inHand === undefined ? '\u2013' : count(one.inHand) + ' of ' + count(one.prefetch)); }],
  ['Running', 'n', function (cell, one) { setText(cell, count(one.running) + (one.concurrency === undefined ? '' : ' of ' + count(one.concurrency))); }],
  ['Per second', 'n', function (cell, one) { setText(cell, rate(one.perSecond)); }],
  ['Handled', 'n', function (cell, one) {
    var lines = [{ text: count(one.handled + one.fetched) }];
    if (one.failed > 0) lines.push({ text: count(one.failed) + ' failed', tone: 'bad' });
    setLines(cell, lines);
  }],
  ['p50 / p95', 'n', function (cell, one) { setText(cell, one.durations === undefined ? '\u2013' : duration(one.durations.p50Ms) + ' / ' + duration(one.durations.p95Ms)); }],
  ['Outcomes', '', function (cell, one) { setLines(cell, orDash(pairs(one.outcomes))); }],
  ['Policy', '', function (cell, one) { setLines(cell, orDash(pairs(one.decisions))); }],
  ['Last errors', 'w', function (cell, one, state) {
    setLines(cell, orDash(one.lastErrors.map(function (error) { return { text: errorText(error) + ', ' + ago(error.at, state.at) }; })));
  }],
  ['', '', function (cell, one, state) { showButtons(cell, one, state); }],
], function (one) { return JSON.stringify([one.connection, one.name, one.state === undefined]); });

var showSenders = table('senders', 'Senders', 'Nothing was sent yet.', [
  ['Address', 'w', function (cell, one) {
    setLines(cell, [{ text: one.address }].concat(one.connection === 'default' ? [] : [{ text: 'on ' + one.connection, tone: 'dim' }]));
  }],
  ['Sent', 'n', function (cell, one) { setText(cell, count(one.sent)); }],
  ['Per second', 'n', function (cell, one) { setText(cell, rate(one.perSecond)); }],
  ['Pending', 'n', function (cell, one) { setText(cell, count(one.pending)); }],
  ['Failed', '', function (cell, one) {
    setLines(cell, orDash(pairs(one.failed).map(function (line) { return { text: line.text, tone: 'bad' }; })));
  }],
], function (one) { return JSON.stringify([one.connection, one.address]); });

var showFailures = table('failures', 'Recent failures', 'Nothing has failed.', [
  ['When', '', function (cell, one, state) { setLines(cell, [{ text: clock(one.at) }, { text: ago(one.at, state.at), tone: 'dim' }]); }],
  ['Where', 'w', function (cell, one) {
    var lines = [{ text: one.kind + ' ' + one.name }];
    if (one.address !== one.name) lines.push({ text: one.address, tone: 'dim' });
    setLines(cell, lines);
  }],
  ['Error', 'w', function (cell, one) { setText(cell, errorText(one.error)); }],
  ['Then', 'w', function (cell, one) { setText(cell, one.decision); }],
], function (one) { return one.key; });

/** Failures have no id of their own: the same ones in the same millisecond are told apart by their order. */
function keyed(failures) {
  var seen = new Map();
  return failures.slice().reverse().map(function (one) {
    var key = JSON.stringify([one.at, one.kind, one.connection, one.name, one.address]);
    var number = (seen.get(key) || 0) + 1;
    seen.set(key, number);
    return Object.assign({ key: key + number }, one);
  }).reverse();
}

var CHART = [['received', ''], ['sent', 'dash'], ['failed', 'dot']];
function showRates(rates) {
  // The last bucket is still running: it would look like a fall.
  var complete = CHART.map(function (line) { return rates[line[0]].slice(0, -1); });
  var most = Math.max.apply(null, [1].concat(complete[0], complete[1], complete[2]));
  CHART.forEach(function (line, number) {
    var values = complete[number];
    var path = values.map(function (value, index) {
      return (index === 0 ? 'M' : 'L') + (index * 1000 / (values.length - 1)).toFixed(1) + ' ' + (98 - 96 * value / most).toFixed(1);
    }).join('');
    document.getElementById('path-' + line[0]).setAttribute('d', path);
    var minute = values.slice(-Math.round(60000 / rates.bucketMs));
    var sum = minute.reduce(function (total, value) { return total + value; }, 0);
    setText(document.getElementById('now-' + line[0]), line[0] + ' ' + rate(sum * 1000 / (minute.length * rates.bucketMs)) + '/s');
  });
  var minutes = Math.round(rates.received.length * rates.bucketMs / 60000);
  setText(document.getElementById('chart-note'), 'The last ' + minutes + ' minutes; the top is ' + rate(most * 1000 / rates.bucketMs) + '/s. Numbers are the mean of the last minute.');
}
`;
