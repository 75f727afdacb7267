// The page's script, last part: asks for the state again and again, and sends actions.

import { GUARD_HEADER, GUARD_VALUE } from '../http/request-guard.js';

/** The loop, the buttons and the forms. */
export const SCRIPT_MAIN = String.raw`
// Wherever a proxy has put the page: its API stands beside it.
var base = location.pathname.replace(/\/+$/, '') + '/api/';
var live = document.getElementById('live');
var answer = document.getElementById('answer');
var hold = document.getElementById('hold');
var timer, refreshMs = 2000, failures = 0, isHeld = false, isAsking = false;

function showButtons(cell, consumer, state) {
  if (!state.actions || consumer.state === undefined) return cell.replaceChildren();
  var action = consumer.state === 'paused' || consumer.state === 'failed' ? 'resume' : 'pause';
  var button = cell.firstChild;
  if (button === null) {
    button = element('button', { type: 'button', on: function () { act(button.amqpAction, { consumer: button.amqpConsumer }, button); } });
    cell.append(button);
  }
  button.amqpAction = action;
  button.amqpConsumer = consumer.name;
  setText(button, action === 'pause' ? 'Pause' : 'Resume');
  button.setAttribute('aria-label', (action === 'pause' ? 'Pause ' : 'Resume ') + consumer.name);
  button.disabled = consumer.state === 'closed';
}

function show(state) {
  refreshMs = state.refreshMs;
  showConnections(state.connections, state);
  showConsumers(state.consumers, state);
  showSenders(state.senders, state);
  showFailures(keyed(state.failures), state);
  showRates(state.rates);
  document.getElementById('actions').hidden = !state.actions;
  document.querySelectorAll('select[name=connection]').forEach(function (select) {
    var names = state.connections.map(function (one) { return one.name; });
    var shown = Array.from(select.options, function (option) { return option.value; });
    if (JSON.stringify(names) === JSON.stringify(shown)) return;
    var chosen = select.value;
    select.replaceChildren.apply(select, names.map(function (name) { return new Option(name, name, false, name === chosen); }));
  });
}

function ask() {
  clearTimeout(timer);
  if (isAsking) return;
  isAsking = true;
  fetch(base + 'state', { headers: { accept: 'application/json' }, cache: 'no-store', credentials: 'same-origin' })
    .then(function (response) {
      if (response.ok) return response.json();
      throw new Error(response.status === 403 || response.status === 401 ? 'not allowed any more (' + response.status + ')' : 'the application answered ' + response.status);
    })
    .then(function (state) {
      failures = 0;
      show(state);
      setText(live, 'as of ' + clock(state.at), 'good');
    })
    .catch(function (error) {
      failures += 1;
      setText(live, 'out of date: ' + error.message, 'bad');
    })
    .then(function () {
      isAsking = false;
      plan();
    });
}
/** Slower while it fails; not at all while nobody looks. */
function plan() {
  clearTimeout(timer);
  if (isHeld || document.visibilityState === 'hidden') return;
  timer = setTimeout(ask, Math.min(refreshMs * Math.pow(2, Math.min(failures, 5)), Math.max(refreshMs, 30000)));
}
document.addEventListener('visibilitychange', function () {
  if (document.visibilityState === 'hidden') clearTimeout(timer);
  else if (!isHeld) ask();
});
hold.addEventListener('click', function () {
  isHeld = !isHeld;
  setText(hold, isHeld ? 'Go on' : 'Hold');
  hold.setAttribute('aria-pressed', String(isHeld));
  if (isHeld) clearTimeout(timer);
  else ask();
});

function act(action, input, button) {
  if (button.amqpBusy === true) return;
  // Not disabled: it would lose the focus.
  button.amqpBusy = true;
  button.setAttribute('aria-disabled', 'true');
  setText(answer, action + ' ...', 'dim');
  fetch(base + 'actions/' + action, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ${JSON.stringify(GUARD_HEADER)}: ${JSON.stringify(GUARD_VALUE)} },
    credentials: 'same-origin',
    body: JSON.stringify(input),
  })
    .then(function (response) { return response.json().catch(function () { return { error: { message: 'the application answered ' + response.status } }; }); })
    .then(function (result) {
      if (result.ok !== true) throw new Error((result.error && result.error.message) || result.message || 'it failed');
      setText(answer, action + ': ' + describe(result), 'good');
    })
    .catch(function (error) { setText(answer, action + ': ' + error.message, 'bad'); })
    .then(function () {
      button.amqpBusy = false;
      button.removeAttribute('aria-disabled');
      ask();
    });
}
function describe(result) {
  if (!result.done) return 'still going on; see the log of the application';
  if (result.moved !== undefined) return count(result.moved) + ' moved';
  if (result.messages !== undefined) return result.queue + ' has ' + count(result.messages) + ' messages and ' + count(result.consumers) + ' consumers';
  return result.state || 'done';
}
function onSubmit(id, action, read) {
  document.getElementById(id).addEventListener('submit', function (event) {
    event.preventDefault();
    var fields = new FormData(event.target);
    act(action, read(fields), event.target.querySelector('button'));
  });
}
onSubmit('inspect', 'inspect', function (fields) { return { connection: fields.get('connection'), queue: fields.get('queue') }; });
onSubmit('redrive', 'redrive', function (fields) {
  return { connection: fields.get('connection'), from: fields.get('from'), to: fields.get('to'), max: Number(fields.get('max')) };
});
ask();
`;
