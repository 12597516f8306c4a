import { bytes, choice, integer, optionally, text, zeroOrOne, type OptionValue } from './option-values.js';

/** What the kernel is told about the mount itself; the rest of the mount is fuse's own (attach.ts). */
export interface MountFlags {
  readonly readOnly: boolean;
  readonly noSuid: boolean;
  readonly noDev: boolean;
  readonly noExec: boolean;
  readonly noSymFollow: boolean;
  readonly accessTime: 'relatime' | 'noatime' | 'strictatime';
  readonly noDirAtime: boolean;
  readonly synchronous: boolean;
  readonly dirSync: boolean;
  readonly lazyTime: boolean;
}

export const defaultFlags: MountFlags = {
  readOnly: false,
  noSuid: false,
  noDev: false,
  noExec: false,
  noSymFollow: false,
  accessTime: 'relatime',
  noDirAtime: false,
  synchronous: false,
  dirSync: false,
  lazyTime: false,
};

interface Entry {
  readonly name: string;
  readonly help: string;
}
/** Changes flags of the mount. */
export interface FlagOption extends Entry {
  readonly to: 'flags';
  readonly sets: Partial<MountFlags>;
}
/** Handed to the kernel as it is (security contexts). */
export interface KernelOption extends Entry {
  readonly to: 'kernel';
  readonly value: OptionValue;
}
/** Acted on by the helper; the key is a property of HelperOptions. */
export interface HelperOption extends Entry {
  readonly to: 'helper';
  readonly value?: OptionValue;
}
/** Checked for its form here, acted on by the server. */
export interface ServerOption extends Entry {
  readonly to: 'server';
  readonly value?: OptionValue;
}
/** Accepted so that an fstab line written for ext4 goes on working; changes nothing. */
export interface IgnoredOption extends Entry {
  readonly to: 'nobody';
  readonly value?: OptionValue;
}
export type OptionEntry = FlagOption | KernelOption | HelperOption | ServerOption | IgnoredOption;

const flag = (name: string, sets: Partial<MountFlags>, help: string): FlagOption => ({ to: 'flags', name, sets, help });
const kernel = (name: string, value: OptionValue, help: string): KernelOption => ({ to: 'kernel', name, value, help });
const helper = (name: string, value: OptionValue | undefined, help: string): HelperOption =>
  ({ to: 'helper', name, help, ...(value && { value }) });
const server = (name: string, value: OptionValue | undefined, help: string): ServerOption =>
  ({ to: 'server', name, help, ...(value && { value }) });
const ignored = (name: string, value: OptionValue | undefined, help: string): IgnoredOption =>
  ({ to: 'nobody', name, help, ...(value && { value }) });

const userMount = { noSuid: true, noDev: true, noExec: true } as const;
/** Whether file data is to stay in the kernel. */
export const iomapWishes = ['auto', 'on', 'off'] as const;
export type IomapWish = (typeof iomapWishes)[number];

/** Whether the kernel is to read and write the files of a directory tree itself. */
const passthroughWishes = ['auto', 'off'] as const;

/** Whether the kernel is to be told what others change in a directory tree. */
const watchWishes = ['auto', 'off'] as const;

const fstab = 'read by mount(8) from fstab; nothing is left to do here';
const kernelExt4 = 'tunes the kernel’s own ext4; accepted, without effect';

/** Every option that -o takes, in the order in which --help shows them. */
export const optionTable: readonly OptionEntry[] = [
  flag('defaults', {}, 'the defaults: rw, suid, dev, exec, async, relatime'),
  flag('ro', { readOnly: true }, 'mount read-only'),
  flag('rw', { readOnly: false }, 'mount for writing where device and filesystem allow it (default)'),
  flag('suid', { noSuid: false }, 'honour set-user-ID and set-group-ID bits and file capabilities (default for root)'),
  flag('nosuid', { noSuid: true }, 'ignore set-user-ID and set-group-ID bits and file capabilities'),
  flag('dev', { noDev: false }, 'interpret device nodes (default for root)'),
  flag('nodev', { noDev: true }, 'do not interpret device nodes'),
  flag('exec', { noExec: false }, 'allow programs to be run (default)'),
  flag('noexec', { noExec: true }, 'do not allow programs to be run'),
  flag('symfollow', { noSymFollow: false }, 'follow symbolic links (default)'),
  flag('nosymfollow', { noSymFollow: true }, 'do not follow symbolic links'),
  flag('async', { synchronous: false }, 'write back later (default)'),
  flag('sync', { synchronous: true }, 'write every change through before the call returns'),
  flag('dirsync', { dirSync: true }, 'write changes of directories through before the call returns'),
  flag('relatime', { accessTime: 'relatime' }, 'update access times that are older than the change, or than a day (default)'),
  flag('norelatime', { accessTime: 'strictatime' }, 'the opposite of relatime'),
  flag('atime', { accessTime: 'relatime' }, 'the opposite of noatime'),
  flag('noatime', { accessTime: 'noatime' }, 'never update access times'),
  flag('strictatime', { accessTime: 'strictatime' }, 'always update access times'),
  flag('nostrictatime', { accessTime: 'relatime' }, 'the opposite of strictatime'),
  flag('diratime', { noDirAtime: false }, 'update access times of directories (default)'),
  flag('nodiratime', { noDirAtime: true }, 'do not update access times of directories'),
  flag('lazytime', { lazyTime: true }, 'accepted: changes of times wait for the next commit in any case'),
  flag('nolazytime', { lazyTime: false }, 'the opposite of lazytime (default)'),
  kernel('context', text('CONTEXT'), 'SELinux context of every file'),
  kernel('fscontext', text('CONTEXT'), 'SELinux context of the filesystem'),
  kernel('defcontext', text('CONTEXT'), 'SELinux context of files without one'),
  kernel('rootcontext', text('CONTEXT'), 'SELinux context of the root directory'),

  helper('offset', bytes, 'the filesystem begins so many bytes into SOURCE'),
  helper('sizelimit', bytes, 'the filesystem ends so many bytes after its beginning'),
  helper('remount', undefined, 'change the flags of a mount that exists, for example remount,ro'),
  helper('allow_other', undefined, 'let other users in (implied for root)'),
  helper('default_permissions', undefined, 'let the kernel check permissions (always on)'),
  helper('owner_uid', integer('UID'), 'whose mount it is beside root’s: who may unmount it, and ask its server for its status (root only)'),
  helper('owner_gid', integer('GID'), 'the group of this user'),
  helper('fsname', text('NAME'), 'the source that the mount table shows, instead of an image file'),
  helper('max_read', bytes, 'largest read request in bytes (as large as the kernel allows)'),
  helper('server', text('PATH'), 'the socket on which a server waits for this mount, in a container for example'),
  helper('policy', text('FILE'), 'with -t passthrough: the rules for paths of the directory, in JSON'),
  helper('passthrough', choice(...passthroughWishes), 'with -t passthrough: the kernel reads and writes file data itself where it can (auto), or never (off)'),
  helper('watch', choice(...watchWishes), 'with -t passthrough: what others change in the directory is noticed at once where that can be (auto), or only when the kernel asks again, each second (off)'),
  helper('journal_path', text('DEVICE'), 'the device or file that holds the external journal'),
  helper('journal_dev', integer('NUMBER'), 'the device number of the external journal'),

  server('sb', integer('BLOCK'), 'use the backup superblock at this block, counted in 1 KiB units as ext4 does'),
  server('noload', undefined, 'do not recover the journal; the mount is read-only then'),
  server('norecovery', undefined, 'the same as noload'),
  server('errors', choice('continue', 'remount-ro', 'panic'), 'what to do when damage is found (as the superblock says)'),
  server('damaged', choice('ro', 'rw'), 'whether a filesystem that is marked as damaged, or needs more than a replay of its journal, is written (rw)'),
  server('iomap', choice(...iomapWishes), 'file data stays in the kernel: where the kernel can do it (auto), or else no mount (on), or never (off)'),
  server('iomap_profile', choice('A', 'B'), 'which version of the kernel’s iomap extension it is (A, the newer)'),
  server('cache', bytes, 'memory for cached metadata blocks'),
  server('data', choice('ordered', 'writeback', 'journal'), 'how file data and journal relate (ordered)'),
  server('commit', integer('SECONDS'), 'longest time between two commits of the journal (5)'),
  server('acl', undefined, 'POSIX access control lists (default)'),
  server('noacl', undefined, 'no POSIX access control lists'),
  server('user_xattr', undefined, 'extended attributes of the user namespace (default)'),
  server('nouser_xattr', undefined, 'no extended attributes of the user namespace'),
  server('barrier', zeroOrOne, 'flush the device’s cache at commits (default)'),
  server('nobarrier', undefined, 'never flush the device’s cache; a power loss may then damage the filesystem'),
  server('discard', undefined, 'tell the device about blocks that become free'),
  server('nodiscard', undefined, 'do not tell the device about blocks that become free (default)'),
  server('usrquota', undefined, 'enforce the limits of users, where the filesystem has the feature quota'),
  server('quota', undefined, 'the same as usrquota'),
  server('grpquota', undefined, 'enforce the limits of groups'),
  server('prjquota', undefined, 'enforce the limits of projects'),
  server('noquota', undefined, 'enforce no limits (default); usage is accounted all the same'),
  server('bsddf', undefined, 'statfs does not count the filesystem’s own structures (default)'),
  server('minixdf', undefined, 'statfs counts the filesystem’s own structures'),
  server('grpid', undefined, 'new files get the group of their directory'),
  server('bsdgroups', undefined, 'the same as grpid'),
  server('nogrpid', undefined, 'new files get the group of their creator (default)'),
  server('sysvgroups', undefined, 'the same as nogrpid'),
  server('resuid', integer('UID'), 'the user who may use the reserved blocks'),
  server('resgid', integer('GID'), 'the group that may use the reserved blocks'),
  server('debug', undefined, 'log what the server does'),
  server('confinement', choice('strict', 'best-effort'), 'whether to refuse the mount where the kernel lacks a wall around the server, or to do without it (default)'),

  flag('user', userMount, 'mount(8) lets users mount it; implies nosuid, nodev and noexec unless they are undone later'),
  flag('users', userMount, 'like user; every user may unmount it'),
  flag('owner', { noSuid: true, noDev: true }, 'mount(8) lets the owner of the device mount it; implies nosuid and nodev'),
  flag('group', { noSuid: true, noDev: true }, 'mount(8) lets the group of the device mount it; implies nosuid and nodev'),
  ...['auto', 'noauto', 'nouser', 'noowner', 'nogroup', '_netdev', 'silent', 'loud', 'mand', 'nomand', 'iversion', 'noiversion']
    .map((name) => ignored(name, undefined, fstab)),
  ignored('nofail', undefined, 'mount.fuse4fs says nothing, and succeeds, where SOURCE does not exist'),
  ignored('comment', optionally(text('TEXT')), fstab),
  ignored('helper', text('NAME'), fstab),
  ignored('uhelper', text('NAME'), fstab),
  ignored('loop', optionally(text('DEVICE')), 'not needed: an image file is mounted directly'),
  ignored('subtype', text('NAME'), 'not needed: the type is fuse.fuse4fs or fuseblk.fuse4fs'),
  ignored('nonempty', undefined, 'not needed: a mount point need not be empty'),
  ...['delalloc', 'nodelalloc', 'nouid32', 'noauto_da_alloc', 'journal_checksum', 'nojournal_checksum', 'journal_async_commit',
    'noinit_itable', 'block_validity', 'noblock_validity', 'dioread_lock', 'dioread_nolock', 'i_version',
    'prefetch_block_bitmaps', 'no_prefetch_block_bitmaps', 'nombcache', 'no_mbcache', 'orlov', 'oldalloc', 'mblk_io_submit',
    'nomblk_io_submit', 'bh', 'nobh', 'reservation', 'noreservation', 'inlinecrypt', 'warn_on_error', 'nowarn_on_error', 'nodioread_nolock']
    .map((name) => ignored(name, undefined, kernelExt4)),
  ...['stripe', 'inode_readahead_blks', 'min_batch_time', 'max_batch_time', 'journal_ioprio', 'max_dir_size_kb', 'mb_optimize_scan']
    .map((name) => ignored(name, integer('N'), kernelExt4)),
  ...['usrjquota', 'grpjquota', 'jqfmt'].map((name) => ignored(name, optionally(text('TEXT')), 'names quota files of older filesystems; accepted, without effect')),
  ignored('auto_da_alloc', zeroOrOne, kernelExt4),
  ignored('data_err', choice('ignore', 'abort'), kernelExt4),
  ignored('init_itable', optionally(integer('N')), kernelExt4),
];
