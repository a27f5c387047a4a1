// usage: page.cjs CONNECTION_POOL_DEMO CHROMIUM FOLDER
'use strict';
const assert = require('node:assert/strict');
const {spawn} = require('node:child_process');
const {join} = require('node:path');
const {chromium} = require('playwright-core');

const [demo, browserPath, folder] = process.argv.slice(2);
const patience = {timeout: 20000};
const complaints = [];

const ok = text => console.log(`ok: ${text}`);

// The demo, and where its page is.
const start = () => new Promise((resolve, reject) => {
  const process = spawn(demo, ['--serve', '0'], {stdio: ['ignore', 'pipe', 'inherit']});
  process.stdout.once('data', data => resolve([process, data.toString().match(/http:\S+/)[0]]));
  process.once('exit', code => reject(new Error(`the demo has ended with ${code}`)));
});

// A page that complains of everything that it must not do. Some of what it asks for may be answered here.
const open = async (browser, url, options = {}, answers = {}) => {
  const context = await browser.newContext({viewport: {width: 1600, height: 1000}, ...options});
  await context.addInitScript(() => {
    addEventListener('securitypolicyviolation', event => console.error(`CSP: ${event.violatedDirective} ${event.blockedURI}`));
  });
  const page = await context.newPage();
  for (const [path, body] of Object.entries(answers))
    await page.route(path, route => route.fulfill({contentType: 'text/event-stream', body}));
  const origin = new URL(url).origin;
  page.on('console', message => message.type() === 'error' && complaints.push(message.text()));
  page.on('pageerror', error => complaints.push(String(error)));
  page.on('request', request => {
    const isOurs = request.url().startsWith(origin) || request.url().startsWith('data:');
    if (!isOurs) complaints.push(`a request for ${request.url()}`);
  });
  await page.goto(url);
  return page;
};

// Playwright's own waitForFunction needs eval, which the page forbids.
const until = async (page, condition, argument) => {
  const end = Date.now() + patience.timeout;
  while (!await page.evaluate(condition, argument)) {
    assert.ok(Date.now() < end, `in vain: ${condition}`);
    await page.waitForTimeout(20);
  }
};

const live = page => until(page, () => document.querySelector('#status').dataset.is === 'live');

const samples = async page => page.evaluate(async () => (await (await fetch('/pool.json')).json()).sample);

// Waits until the server has seen more, whatever the page did with it.
const passed = async (page, count) => {
  const until = await samples(page) + count;
  while (await samples(page) < until);
};

// An answer that tells the page all of that.
const eventOf = data => `event: whole\ndata: ${JSON.stringify(data)}\n\n`;

// What the page is told first, as an object.
const firstEvent = async url => {
  const stream = (await fetch(`${url}/events`)).body.getReader();
  let whole = '';
  while (!whole.includes('\n\n')) whole += Buffer.from((await stream.read()).value).toString('latin1');
  await stream.cancel();
  return JSON.parse(Buffer.from(whole.slice(whole.indexOf('data: ') + 6, whole.indexOf('\n\n')), 'latin1').toString());
};

// What is as wide as it may be, and still is cut off or lies over something else.
const faultsOfLayout = page => page.evaluate(() => {
  const faults = [];
  if (document.documentElement.scrollWidth > innerWidth) faults.push(`the page is ${document.documentElement.scrollWidth} wide`);
  const isShown = node => node.checkVisibility() && !node.closest('.hidden, .scroll');
  for (const section of document.querySelectorAll('.pool')) {
    const cells = [...section.querySelectorAll('.tile dd > *, h2, .health, .figures th, .figures td, .lanes thead th, .lane:nth-child(-n+3) > *')].filter(isShown);
    const frame = section.getBoundingClientRect();
    const boxes = cells.map(node => {
      const range = document.createRange();
      range.selectNodeContents(node);
      // What is used for what may be cut off, so that its cell counts.
      const box = node.closest('svg, .plot, td.what') ? node.getBoundingClientRect() : range.getBoundingClientRect();
      return [node, box];
    }).filter(([, box]) => box.width > 0);
    for (const [node, box] of boxes) {
      if (box.right > frame.right + 1) faults.push(`'${node.textContent}' leaves its card`);
    }
    for (let i = 0; i < boxes.length; ++i) {
      for (let j = i + 1; j < boxes.length; ++j) {
        const [a, one] = boxes[i], [b, other] = boxes[j];
        const wide = Math.min(one.right, other.right) - Math.max(one.left, other.left);
        const high = Math.min(one.bottom, other.bottom) - Math.max(one.top, other.top);
        if (wide > 1 && high > 3 && !a.contains(b) && !b.contains(a))
          faults.push(`'${a.textContent.trim()}' lies over '${b.textContent.trim()}'`);
      }
    }
  }
  return [...new Set(faults)].slice(0, 5);
});

const checks = {
  async 'it shows what there is without script'(browser, url) {
    const page = await open(browser, url, {javaScriptEnabled: false});
    assert.equal(await page.locator('h1').count(), 1);
    assert.match(await page.locator('h2').first().innerText(), /^Steady load http:\/\/127\.0\.0\.1:\d+$/);
    assert.ok(await page.locator('#pools .pool').first().locator('.lane').count() >= 1);
    assert.match(await page.locator('.lane path.l').first().getAttribute('d'), /^(M[\d.]+ 1h[\d.]+v14h-[\d.]+z)*$/);
    const described = page.locator('.pool').first().locator('td.what:not(:empty)').first();
    assert.match(await described.innerText(), /^GET \/delay\/\d+$/);
    assert.equal(await described.getAttribute('title'), await described.innerText());
    assert.ok(await described.isVisible());
    assert.ok(await page.locator('#pause').isHidden(), 'a button that does nothing');
    await page.context().close();
  },

  async 'tables have captions and headings, lanes can be reached'(browser, url) {
    const page = await open(browser, url);
    await live(page);
    const bare = await page.evaluate(() => [...document.querySelectorAll('table')].filter(t => !t.caption?.textContent.trim()).length);
    assert.equal(bare, 0);
    const unnamed = await page.evaluate(() => [...document.querySelectorAll('th')].filter(t => !t.scope).length);
    assert.equal(unnamed, 0);
    const stops = await page.evaluate(() => [...document.querySelectorAll('#pools .lanes tbody')]
      .filter(body => body.rows.length && body.querySelectorAll('[tabindex="0"]').length !== 1).length);
    assert.equal(stops, 0, 'one stop a table for the Tab key');
    assert.equal(await page.getByRole('button', {name: 'Pause'}).count(), 1);
    await page.context().close();
  },

  async 'what it shows is what the server says, and moves'(browser, url) {
    const page = await open(browser, url);
    await live(page);
    const total = page.locator('.pool').first().locator('[data-f=acquires]');
    const before = await total.innerText();
    await until(page, before => document.querySelector('.pool [data-f=acquires]').textContent !== before, before);
    await until(page, () => document.querySelectorAll('#event-rows tr').length > 3);
    const [shown, told] = await page.evaluate(async () => {
      const all = await (await fetch('/pool.json')).json();
      const number = text => Number(text.replaceAll(',', ''));
      return [number(document.querySelector('.pool [data-f=acquires]').textContent), all.pools[0].stats.acquires];
    });
    assert.ok(Math.abs(shown - told) < 100, `${shown} is not near ${told}`);
    await page.context().close();
  },

  async 'a lane says what its connection is used for, and goes on with that'(browser, url) {
    const page = await open(browser, url);
    await live(page);
    const uses = page.locator('.pool').first().locator('td.what');
    const before = (await uses.allTextContents()).join();
    while ((await uses.allTextContents()).join() === before) await passed(page, 1);
    const told = await page.evaluate(() => [...document.querySelectorAll('.pool:first-child .lane')]
      .map(lane => [lane.querySelector('td.what').textContent, lane.querySelector('td.what').title, lane.querySelector('.plot .what').textContent]));
    assert.ok(told.length >= 1);
    for (const [text, title, beneath] of told) {
      assert.match(text, /^(GET \/delay\/\d+)?$/);
      assert.equal(title, text);
      assert.equal(beneath, text);
    }
    await page.context().close();
  },

  async 'what a connection is used for is text and nothing else'(browser, url) {
    const hostile = `</td><img src=x onerror="alert(1)"> '&lt; {{id}}`;
    const data = await firstEvent(url);
    data.pools[0].lanes[0].f.description = hostile;
    const page = await open(browser, url, {}, {'**/pool/events': eventOf(data)});
    await until(page, hostile => document.querySelector('td.what').textContent === hostile, hostile);
    assert.equal(await page.locator('td.what').first().getAttribute('title'), hostile);
    assert.equal(await page.locator('img').count(), 0);
    await page.locator('.lane svg').first().hover();
    assert.ok((await page.locator('#detail').innerText()).includes(`for ${hostile};`));
    await page.context().close();
  },

  async 'a click on Pause holds it, another one goes on'(browser, url) {
    const page = await open(browser, url);
    await live(page);
    const text = () => page.locator('#pools').innerText();
    await page.getByRole('button', {name: 'Pause'}).click();
    assert.equal(await page.locator('#pause').getAttribute('aria-pressed'), 'true');
    assert.equal(await page.locator('#status').innerText(), 'paused');
    const before = await text();
    await passed(page, 5);
    assert.equal(await text(), before);
    await page.getByRole('button', {name: 'Resume'}).click();
    await live(page);
    await until(page, before => document.querySelector('#pools').innerText !== before, before);
    await page.locator('#pause').focus();
    await page.keyboard.press('Space');
    assert.equal(await page.locator('#status').innerText(), 'paused');
    await page.context().close();
  },

  async 'a lane that is pointed at tells of itself'(browser, url) {
    const page = await open(browser, url);
    await live(page);
    assert.ok(await page.locator('#detail').isHidden());
    const box = await page.locator('.lane svg').first().boundingBox();
    await page.mouse.move(box.x + box.width - 3, box.y + box.height / 2);
    await page.locator('#detail').waitFor({state: 'visible', ...patience});
    assert.match(await page.locator('#detail').innerText(), /^(Connection \d+ to 127\.0\.0\.1:\d+|A connection to be).*\d uses?\. \d\.\d s ago: [a-z, ]+$/);
    await page.mouse.move(5, 5);
    await page.locator('#detail').waitFor({state: 'hidden', ...patience});
    await page.context().close();
  },

  async 'the keyboard goes through the lanes'(browser, url) {
    const page = await open(browser, url);
    await live(page);
    // Held, since connections come and go.
    await page.locator('#pause').click();
    await page.keyboard.press('Tab');
    const focused = () => page.evaluate(() => [document.activeElement.className, document.activeElement.rowIndex]);
    assert.deepEqual(await focused(), ['lane', 1]);
    assert.ok(await page.locator('#detail').isVisible());
    const first = await page.locator('#detail').innerText();
    await page.keyboard.press('ArrowDown');
    assert.deepEqual(await focused(), ['lane', 2]);
    assert.notEqual(await page.locator('#detail').innerText(), first);
    await page.keyboard.press('ArrowUp');
    await page.keyboard.press('ArrowUp');
    assert.deepEqual(await focused(), ['lane', 1]);
    await page.keyboard.press('End');
    const last = await page.locator('.pool').first().locator('.lane').count();
    assert.deepEqual(await focused(), ['lane', last]);
    await page.keyboard.press('Home');
    assert.deepEqual(await focused(), ['lane', 1]);
    await page.keyboard.press('Escape');
    assert.ok(await page.locator('#detail').isHidden());
    await page.context().close();
  },

  async 'the Tab key leads to the first lane, also if that is new'(browser, url) {
    const data = await firstEvent(url);
    const [lane] = data.pools[0].lanes;
    data.pools[0].lanes.unshift({...lane, k: lane.k + 1000000});
    const page = await open(browser, url, {}, {'**/pool/events': eventOf(data)});
    await until(page, key => document.querySelector('.pool .lane').dataset.key === key, `${lane.k + 1000000}`);
    const stops = await page.evaluate(() => [...document.querySelectorAll('.pool:first-child .lane')]
      .flatMap((lane, at) => lane.tabIndex === 0 ? [at] : []));
    assert.deepEqual(stops, [0]);
    await page.context().close();
  },

  async 'nothing overlaps at any width, in light and in dark'(browser, url) {
    for (const width of [360, 800, 1600]) {
      for (const colorScheme of ['light', 'dark']) {
        const page = await open(browser, url, {viewport: {width, height: 1000}, colorScheme});
        await live(page);
        await passed(page, 2);
        await page.screenshot({path: join(folder, `page-${width}-${colorScheme}.png`)});
        await page.screenshot({path: join(folder, `page-${width}-${colorScheme}-whole.png`), fullPage: true});
        assert.deepEqual(await faultsOfLayout(page), [], `${width} ${colorScheme}`);
        // Beside the bars where there is room, else beneath them.
        const lane = page.locator('.pool').first().locator('.lane').filter({has: page.locator('td.what:not(:empty)')}).first();
        assert.equal(await lane.locator('td.what').isVisible(), width > 640, `${width}`);
        assert.equal(await lane.locator('.plot .what').isVisible(), width <= 640, `${width}`);
        const [paper, ink] = await page.evaluate(() => [getComputedStyle(document.documentElement).backgroundColor, getComputedStyle(document.body).color]
          .map(color => color.match(/\d+/g).slice(0, 3).reduce((sum, part) => sum + Number(part), 0)));
        assert.equal(paper > ink, colorScheme === 'light');
        await page.context().close();
      }
    }
  },

  async 'a page of somebody else cannot read it'(browser, url) {
    const context = await browser.newContext();
    const page = await context.newPage();
    await page.route('http://elsewhere.test/', route => route.fulfill({contentType: 'text/html', body: '<!doctype html><title>x</title>'}));
    await page.goto('http://elsewhere.test/');
    const got = await page.evaluate(async url => {
      const tries = await Promise.allSettled([fetch(url), fetch(url.replace('/pool', '/pool.json'), {mode: 'no-cors'})]);
      return tries.map(each => each.status);
    }, url);
    assert.equal(got[0], 'rejected');
    const framed = await page.evaluate(url => new Promise(resolve => {
      const frame = document.createElement('iframe');
      frame.onload = () => {
        try { resolve(frame.contentDocument === null ? 'foreign' : 'empty'); } catch { resolve('foreign'); }
      };
      frame.src = url;
      document.body.append(frame);
    }), url);
    assert.ok(framed === 'foreign' || framed === 'empty');
    for (const frame of page.frames().slice(1))
      assert.equal(await frame.locator('.pool').count(), 0);
    await context.close();
  },
};

(async () => {
  const [process_, url] = await start();
  process_.removeAllListeners('exit');
  const browser = await chromium.launch({executablePath: browserPath, args: ['--no-sandbox', '--disable-gpu', '--force-color-profile=srgb']});
  let failures = 0;
  try {
    // Something to look at.
    const first = await open(browser, url);
    await live(first);
    await passed(first, 20);
    await first.context().close();
    for (const [name, check] of Object.entries(checks)) {
      try {
        await check(browser, url);
        assert.deepEqual(complaints.splice(0), []);
        ok(name);
      } catch (error) {
        ++failures;
        console.error(`failed: ${name}: ${error.stack}`);
      }
    }
    const left = await open(browser, url);
    await live(left);
    process_.kill('SIGTERM');
    await until(left, () => document.querySelector('#status').dataset.is === 'lost');
    ok('it says when there is nobody to tell it more');
  } finally {
    process_.kill('SIGKILL');
    await browser.close();
  }
  process.exitCode = failures ? 1 : 0;
})().catch(error => {
  console.error(error);
  process.exitCode = 1;
});
