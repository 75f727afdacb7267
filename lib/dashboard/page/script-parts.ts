// The page's script, first half: elements, words and tables. Texts from outside reach the page as text nodes alone.

/** Helpers of the script; plain JavaScript, without template strings. */
export const SCRIPT_PARTS = String.raw`
function element(tag, properties, children) {
  var made = document.createElement(tag);
  Object.keys(properties || {}).forEach(function (name) {
    if (name === 'class') made.className = properties[name];
    else if (name === 'on') made.addEventListener(properties.event || 'click', properties[name]);
    else if (name !== 'event') made.setAttribute(name, properties[name]);
  });
  (children || []).forEach(function (child) {
    made.append(typeof child === 'string' ? document.createTextNode(child) : child);
  });
  return made;
}
function setText(node, text, className) {
  var wanted = String(text);
  if (node.textContent !== wanted || node.childElementCount > 0) node.textContent = wanted;
  if (className !== undefined) tone(node, className);
}
function tone(node, name) {
  ['dim', 'good', 'bad', 'warn'].forEach(function (one) { node.classList.toggle(one, one === name); });
}
/** Several lines in one cell: each { text, tone }. */
function setLines(node, lines) {
  var key = JSON.stringify(lines);
  if (node.amqpLines === key) return;
  node.amqpLines = key;
  node.replaceChildren.apply(node, lines.map(function (line) {
    return element('span', { 'class': 'line ' + (line.tone || '') }, [line.text]);
  }));
}

var counting = new Intl.NumberFormat();
function count(number) { return counting.format(number); }
function rate(number) { return number === 0 ? '0' : number < 0.1 ? '<0.1' : number < 10 ? number.toFixed(1) : count(Math.round(number)); }
function duration(ms) {
  if (ms < 1) return ms.toFixed(2) + ' ms';
  if (ms < 1000) return ms.toFixed(ms < 10 ? 1 : 0) + ' ms';
  return (ms / 1000).toFixed(1) + ' s';
}
function ago(at, now) {
  var seconds = Math.max(0, Math.round((now - at) / 1000));
  if (seconds < 60) return seconds + ' s ago';
  if (seconds < 3600) return Math.round(seconds / 60) + ' min ago';
  if (seconds < 86400) return Math.round(seconds / 3600) + ' h ago';
  return Math.round(seconds / 86400) + ' d ago';
}
function clock(at) { return new Date(at).toLocaleTimeString(); }
function errorText(error) { return error.code === undefined ? error.name : error.name + ' (' + error.code + ')'; }

/** Rows by key, kept from one state to the next: what has the focus keeps it. columns: [title, class, update(cell, item, state)]. */
function table(id, caption, empty, columns, keyOf) {
  var body = element('tbody');
  var rows = new Map();
  var head = element('tr', {}, columns.map(function (column) {
    return element('th', { scope: 'col', 'class': column[1] }, [column[0]]);
  }));
  var none = element('p', { 'class': 'dim' }, [empty]);
  var scroll = element('div', { 'class': 'scroll', tabindex: '0', role: 'region', 'aria-label': caption }, [
    element('table', {}, [element('caption', {}, [caption]), element('thead', {}, [head]), body]),
  ]);
  document.getElementById(id).append(none, scroll);
  return function (items, state) {
    none.hidden = items.length > 0;
    scroll.hidden = items.length === 0;
    var left = new Set(rows.keys());
    var before = null;
    items.forEach(function (item) {
      var key = keyOf(item);
      var row = rows.get(key);
      if (row === undefined) {
        row = element('tr', {}, columns.map(function (column, index) {
          return element(index === 0 ? 'th' : 'td', index === 0 ? { scope: 'row', 'class': column[1] } : { 'class': column[1] });
        }));
        rows.set(key, row);
      }
      left.delete(key);
      columns.forEach(function (column, index) { column[2](row.children[index], item, state); });
      var next = before === null ? body.firstChild : before.nextSibling;
      if (next !== row) body.insertBefore(row, next);
      before = row;
    });
    left.forEach(function (key) { rows.get(key).remove(); rows.delete(key); });
  };
}
`;
