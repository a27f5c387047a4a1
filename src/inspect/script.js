'use strict';
// Keeps the page, which is complete without this, up to date.
(() => {
  const columns = 300;
  const one = (selector, from = document) => from.querySelector(selector);
  const status = one('#status'), pause = one('#pause'), detail = one('#detail');
  const shapes = {i: [7, 2], u: [6, 8], l: [1, 14], p: [4, 8], c: [12, 3]};
  const words = {d: 'dialing', i: 'idle', u: 'used, and idle again', l: 'leased', n: 'leased anew', p: 'probed', c: 'closing', '.': 'not there'};
  const pools = new Map(); // what is kept of each section, by its key
  let source = null, isPaused = false, column = 0, msPerColumn = 200, pointed = null;

  const setText = (node, text) => { if (node.textContent !== text) node.textContent = text; };

  const say = (is, text) => {
    status.dataset.is = is;
    setText(status, text);
  };

  // The nodes of a section or a lane that show a text each.
  const fieldsOf = node => [...node.querySelectorAll('[data-f]')].map(each => [each, each.dataset.f]);

  const bars = (history, kind) => {
    let path = '';
    for (let i = 0, end; i < columns; i = end) {
      end = i + 1;
      const isAnew = kind === 'l' && history[i] === 'n';
      if (history[i] !== kind && !isAnew) continue;
      if (kind === 'd') {
        path += `M${i} 3h.6v10h-.6z`;
        continue;
      }
      while (end < columns && history[end] === kind) ++end;
      const [top, height] = shapes[kind];
      const width = isAnew ? `${end - i - 1}.7` : end - i; // a lease after another begins with a gap
      path += `M${i}${isAnew ? '.3' : ''} ${top}h${width}v${height}h-${width}z`;
    }
    return path;
  };

  const outline = (counts, most) => {
    let path = 'M0 100';
    for (let i = 0, end; i < columns; i = end) {
      for (end = i + 1; end < columns && counts[end] === counts[i]; ++end);
      path += `V${100 - Math.floor(counts[i] * 96 / Math.max(1, most))}H${end}`;
    }
    return path + 'V100z';
  };

  // Lanes out of sight are seldom brought up to date: for those who search or listen to the page.
  const seen = new IntersectionObserver(entries => {
    for (const entry of entries) {
      const lane = entry.target.kept;
      if (!lane) continue;
      lane.isSeen = entry.isIntersecting;
      if (lane.isSeen) draw(lane);
    }
  }, {rootMargin: '200px'});

  const draw = (lane, isTurn = false) => {
    if (!lane.isStale || !(lane.isSeen || isTurn)) return;
    lane.isStale = false;
    for (const [node, name] of lane.fields) setText(node, lane.texts[name]);
    lane.what.title = lane.texts.description; // which may be cut off there
    if (lane.node.dataset.state !== lane.texts.state) lane.node.dataset.state = lane.texts.state;
    for (const [path, kind] of lane.paths) {
      const d = bars(lane.history, kind);
      if (path.getAttribute('d') !== d) path.setAttribute('d', d);
    }
  };

  const makeLane = node => {
    const lane = {node, fields: fieldsOf(node), what: one('td.what', node), history: '.'.repeat(columns), isStale: false, isSeen: false, texts: {},
                  paths: [...node.querySelectorAll('path')].map(each => [each, each.getAttribute('class')])};
    node.kept = lane;
    seen.observe(node);
    return lane;
  };

  const updateLane = (lane, told, passed) => {
    const isTurn = !lane.texts.state || (told.k + column) % 10 === 0;
    lane.texts = told.f;
    lane.history = told.h || (lane.history + told.m.repeat(passed)).slice(-columns);
    lane.isStale = true;
    draw(lane, isTurn);
  };

  const makePool = node => {
    const pool = {node, fields: fieldsOf(node), lanes: new Map(), waiting: new Array(columns).fill(0),
                  body: one('.lanes tbody', node), closes: one('[data-closes]', node), outline: one('[data-outline]', node),
                  most: one('[data-most]', node), parts: [...node.querySelectorAll('[data-part]')]};
    for (const row of pool.body.rows) pool.lanes.set(+row.dataset.key, makeLane(row));
    return pool;
  };

  const clone = id => one(id).content.firstElementChild.cloneNode(true);

  // Rows of texts, of which the first names the row.
  const setRows = (body, rows) => {
    while (body.rows.length > rows.length) body.rows[body.rows.length - 1].remove();
    rows.forEach((cells, r) => {
      const row = body.rows[r] || body.insertRow();
      cells.forEach((text, c) => {
        if (!row.cells[c]) {
          const cell = document.createElement(c ? 'td' : 'th');
          if (!c) cell.scope = 'row';
          row.append(cell);
        }
        setText(row.cells[c], text);
      });
    });
  };

  const updateLanes = (pool, told, passed) => {
    const lanes = new Map();
    let place = pool.body.firstElementChild;
    for (const each of told) {
      const lane = pool.lanes.get(each.k) || makeLane(clone('#lane-template'));
      lane.node.dataset.key = each.k;
      pool.lanes.delete(each.k);
      lanes.set(each.k, lane);
      if (lane.node === place) place = place.nextElementSibling;
      else if (!lane.node.contains(document.activeElement)) pool.body.insertBefore(lane.node, place);
      updateLane(lane, each, passed);
    }
    for (const lane of pool.lanes.values()) {
      seen.unobserve(lane.node);
      lane.node.remove();
      if (pointed && pointed.lane === lane) point(null);
    }
    pool.lanes = lanes;
    // The Tab key leads to the lane that has the focus, else to the first, whichever that is by now.
    const first = pool.body.firstElementChild, stop = one('[tabindex="0"]', pool.body);
    if (!first || stop === first || stop?.contains(document.activeElement)) return;
    if (stop) stop.tabIndex = -1;
    first.tabIndex = 0;
  };

  const updatePool = (pool, told, passed) => {
    for (const [node, name] of pool.fields) setText(node, told.f[name]);
    pool.node.dataset.health = told.f.health;
    let from = 0;
    for (const rect of pool.parts) { // in the order in which they stand
      const part = told.parts[+rect.dataset.part];
      rect.setAttribute('x', Math.floor(from * 1000 / told.limit));
      rect.setAttribute('width', Math.floor(part * 1000 / told.limit));
      from += part;
    }
    if (Array.isArray(told.w)) pool.waiting = told.w;
    else for (let i = 0; i < passed; ++i) pool.waiting = pool.waiting.slice(1).concat(told.w);
    const most = Math.max(...pool.waiting);
    pool.outline.setAttribute('d', outline(pool.waiting, most));
    setText(pool.most, most.toLocaleString('en-US'));
    setRows(pool.closes, told.closes);
    updateLanes(pool, told.lanes, passed);
  };

  const update = all => {
    const passed = Math.min(columns, Math.max(0, all.column - column)); // 0 if it is told anew
    column = all.column;
    msPerColumn = all.ms;
    let place = one('#pools').firstElementChild;
    const known = new Set(all.pools.map(each => each.k));
    for (const [key, pool] of pools) {
      if (known.has(key)) continue;
      if (place === pool.node) place = place.nextElementSibling;
      pool.node.remove();
      pools.delete(key);
    }
    for (const each of all.pools) {
      let pool = pools.get(each.k);
      if (!pool) {
        pool = makePool(clone('#pool-template'));
        for (const lane of pool.lanes.values()) lane.node.remove();
        pool.lanes.clear();
        pool.node.dataset.key = each.k;
        pools.set(each.k, pool);
      }
      if (pool.node === place) place = place.nextElementSibling;
      else if (!pool.node.contains(document.activeElement)) one('#pools').insertBefore(pool.node, place);
      updatePool(pool, each, passed);
    }
    setText(one('#left-out'), all.left_out_text);
    one('#left-out').hidden = !all.left_out_text;
    one('#no-pools').hidden = all.pools.length !== 0;
    one('#events').hidden = all.pools.length === 0;
    one('#servers').hidden = all.servers.length === 0;
    setRows(one('#event-rows'), all.events);
    setRows(one('#server-rows'), all.servers);
    if (pointed) tell(false);
  };

  // What the lane that is pointed at, or has the focus, did at that place.
  const tell = isNew => {
    const {lane, part} = pointed, t = lane.texts;
    if (!t.state) return;
    let text = t.id === '–' ? 'A connection to be' : `Connection ${t.id}`;
    if (t.peer) text += ` to ${t.peer}`;
    text += `: ${t.state}, ${t.since}`;
    if (t.description) text += `; ${t.state === 'leased' ? 'for' : 'last for'} ${t.description}`;
    if (t.age) text += `; ${t.age} old`;
    text += `; ${t.uses} ${t.uses === '1' ? 'use' : 'uses'}`;
    if (part !== null) {
      const at = Math.min(columns - 1, Math.max(0, Math.floor(part * columns)));
      const ago = ((columns - at - 1) * msPerColumn / 1000).toFixed(1);
      text += `. ${ago} s ago: ${words[lane.history[at]]}`;
    }
    // Who listens to the page is told once, and not at each sample.
    detail.setAttribute('aria-live', isNew ? 'polite' : 'off');
    setText(detail, text);
    detail.hidden = false;
  };

  const point = at => {
    pointed = at;
    if (at) tell(true);
    else detail.hidden = true;
  };

  const laneOf = node => node instanceof Element && node.closest('.lane')?.kept || null;

  document.addEventListener('pointermove', event => {
    const lane = laneOf(event.target);
    if (!lane) {
      if (pointed && !laneOf(document.activeElement)) point(null);
      return;
    }
    const box = one('svg', lane.node).getBoundingClientRect();
    const part = (event.clientX - box.left) / box.width;
    point({lane, part: part >= 0 && part <= 1 ? part : null});
  });
  document.addEventListener('focusin', event => {
    const lane = laneOf(event.target);
    point(lane ? {lane, part: null} : null);
  });
  document.addEventListener('focusout', () => point(null));
  document.addEventListener('keydown', event => {
    if (event.key === 'Escape') return point(null);
    const lane = laneOf(event.target);
    const rows = lane && [...lane.node.parentNode.rows], at = lane && rows.indexOf(lane.node);
    const to = lane && {ArrowUp: at - 1, ArrowDown: at + 1, Home: 0, End: rows.length - 1}[event.key];
    if (!lane || to === undefined) return;
    event.preventDefault();
    if (!rows[to]) return;
    for (const row of rows) row.tabIndex = -1;
    rows[to].tabIndex = 0;
    rows[to].focus();
  });

  const open = () => {
    source = new EventSource('/pool/events');
    const take = event => {
      update(JSON.parse(event.data));
      say('live', `live, every ${msPerColumn} ms`);
    };
    source.addEventListener('whole', take);
    source.addEventListener('sample', take);
    source.addEventListener('error', () => {
      if (source.readyState !== EventSource.CLOSED) return say('lost', 'no connection; trying again');
      say('lost', 'refused; trying again in a few seconds');
      const refused = source;
      setTimeout(() => { if (source === refused && !isPaused) open(); }, 5000);
    });
  };

  pause.addEventListener('click', () => {
    isPaused = !isPaused;
    pause.setAttribute('aria-pressed', isPaused);
    setText(pause, isPaused ? 'Resume' : 'Pause');
    source.close();
    if (isPaused) say('paused', 'paused');
    else open(); // which begins with what was missed
  });

  for (const node of document.querySelectorAll('#pools > .pool')) pools.set(node.dataset.key, makePool(node));
  pause.hidden = false;
  open();
})();
