// npm start                         mounts a small demo image, shows it, and unmounts it on Ctrl-C
// npm start -- IMAGE MOUNTPOINT [-o OPTIONS]   the same with an image of your own
import { spawnSync } from 'node:child_process';
import { closeSync, existsSync, mkdirSync, mkdtempSync, openSync, rmSync, symlinkSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { requireNpmPackages, requireTools } from './requirements.mjs';

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const command = join(root, 'dist/cli/fuse4fs.cjs');
// npm changes to the project's root, but what the user names is seen from where npm was called.
const callerDirectory = process.env.INIT_CWD ?? process.cwd();
process.chdir(root);

const call = (program, args, options = {}) => spawnSync(program, args, { stdio: ['ignore', 'inherit', 'inherit'], ...options });
const fuse4fs = (...args) => call(process.execPath, [command, ...args], { cwd: callerDirectory }).status === 0;

function prepare() {
  requireTools('start');
  requireNpmPackages();
  console.log('building');
  const { status, stdout, stderr } = spawnSync('npm', ['run', '--silent', 'build'], { encoding: 'utf8' });
  if (status === 0) return;
  console.error(`${stdout}${stderr}The build failed.`);
  process.exit(1);
}

function fillDemo(directory) {
  const at = (path) => join(directory, path);
  mkdirSync(at('poems/night'), { recursive: true });
  mkdirSync(at('many'));
  writeFileSync(at('README.txt'), 'You are reading this through an ext4 driver written in TypeScript.\n');
  writeFileSync(at('poems/night/moon.txt'), 'Nobody mounted the moon,\nyet it shows us its files.\n');
  writeFileSync(at('large.bin'), Buffer.alloc(3 << 20, 'fuse4fs '));
  writeFileSync(at('run-me.sh'), '#!/bin/sh\necho "run from inside the image"\n', { mode: 0o755 });
  symlinkSync('poems/night/moon.txt', at('moon'));
  for (let index = 0; index < 500; index++) writeFileSync(at(`many/file-${index}.txt`), `${index}\n`);
}

function makeDemo(directory) {
  const image = join(directory, 'demo.img');
  const contents = join(directory, 'contents');
  mkdirSync(contents);
  fillDemo(contents);
  // mke2fs says nothing about a file that is there already.
  writeFileSync(image, '');
  truncateSync(image, 32 << 20);
  const path = { env: { ...process.env, PATH: `${process.env.PATH}${delimiter}/usr/sbin${delimiter}/sbin` } };
  if (call('mke2fs', ['-q', '-t', 'ext4', '-L', 'demo', '-d', contents, image], path).status !== 0) {
    console.error('The demo image could not be made: mke2fs (package e2fsprogs) is needed for it.');
    process.exit(1);
  }
  rmSync(contents, { recursive: true });
  return image;
}

/** The error of opening /dev/fuse, or undefined. */
function fuseRefusal() {
  if (!existsSync('/dev/fuse')) return '/dev/fuse is missing (modprobe fuse; in a container: --device /dev/fuse --cap-add SYS_ADMIN)';
  try {
    closeSync(openSync('/dev/fuse', 'r+'));
    return undefined;
  } catch (error) {
    return `/dev/fuse cannot be opened: ${error.code}`;
  }
}

function inspect(image) {
  console.log('\nWithout a mount, `fuse4fs inspect` looks into the image:\n');
  const shown = ['super', '/'].map((what) => (what === 'super' ? ['inspect', image, 'super'] : ['inspect', image, 'ls', '/']));
  for (const args of [...shown, ['inspect', image, 'tree', '/poems'], ['inspect', image, 'cat', '/README.txt']]) {
    console.log(`$ npx fuse4fs ${args.join(' ')}`);
    fuse4fs(...args);
    console.log();
  }
}

function showAround(image, target) {
  console.log(`\n${image} is mounted on ${target}:\n`);
  call('ls', ['-la', target], { cwd: callerDirectory });
  console.log(`
Look around from another terminal:
  ls -la ${target}
  npx fuse4fs status
  npx fuse4fs inspect ${image} super
Unmount:
  npx fuse4fs umount ${target}    or Ctrl-C here`);
}

const isMounted = (target) => call('mountpoint', ['-q', target], { cwd: callerDirectory }).status === 0;

async function untilInterruptedOrUnmounted(target) {
  await new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, resolve);
    setInterval(() => !isMounted(target) && resolve(), 1000);
  });
  if (!isMounted(target)) return true;
  console.log(`\nunmounting ${target}`);
  return fuse4fs('umount', target);
}

async function mountAndWait(image, target, options) {
  if (!fuse4fs(image, target, ...options)) return false;
  showAround(image, target);
  process.exitCode = (await untilInterruptedOrUnmounted(target)) ? 0 : 1;
  return true;
}

async function startDemo() {
  const directory = mkdtempSync(join(tmpdir(), 'fuse4fs-demo-'));
  const image = makeDemo(directory);
  const target = join(directory, 'mnt');
  mkdirSync(target);
  const refusal = fuseRefusal();
  if (refusal) console.log(refusal);
  if (refusal || !(await mountAndWait(image, target, []))) inspect(image);
  if (process.exitCode !== 1) rmSync(directory, { recursive: true });
}

const [image, target, ...options] = process.argv.slice(2);
if (image !== undefined && target === undefined) {
  console.error('usage: npm start [-- IMAGE MOUNTPOINT [-o OPTIONS]]');
  process.exit(1);
}
prepare();
if (image === undefined || target === undefined) await startDemo();
else if (!(await mountAndWait(image, target, options))) process.exitCode = 1;
process.exit();
