/**
 * Threads of the kernel by the names it gives them.
 * Sources: torvalds/linux kernel/workqueue.c, fs/jbd2/journal.c, fs/xfs/xfs_trans_ail.c, fs/btrfs/disk-io.c,
 * fs/ext4/super.c, mm/vmscan.c, drivers/block/loop.c, drivers/md.
 */
export const KERNEL_THREAD =
  /^(?:kworker\/|jbd2\/|xfsaild\/|xfs-|btrfs-|ext4lazyinit|kswapd\d|flush-|bdi-|loop\d|kthreadd|ksoftirqd|swapper|md\d|raid\d|dm-|kdmflush|jfs|txg_|z_wr_|nfsd|khugepaged|kcompactd|writeback)/

/**
 * Those that write for nobody: zeroing of inode tables, resync and reshape of arrays, removal of what was deleted. What
 * workers (`kworker/…`) do, their names do not tell.
 * Sources: fs/ext4/super.c, drivers/md/md.c md_start_sync(), fs/btrfs/disk-io.c.
 */
export const LONE_THREAD = /^(?:ext4lazyinit|md\d+_(?:resync|reshape)|btrfs-cleaner)/
