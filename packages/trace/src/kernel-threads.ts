/**
 * Threads of the kernel by the names it gives them.
 * Sources: torvalds/linux kernel/workqueue.c, fs/jbd2/journal.c, fs/xfs/xfs_trans_ail.c, fs/btrfs/disk-io.c,
 * fs/ext4/super.c, mm/vmscan.c, drivers/block/loop.c, drivers/md.
 */
export const KERNEL_THREAD =
  /^(?:kworker\/|jbd2\/|xfsaild\/|xfs-|btrfs-|ext4lazyinit|kswapd\d|flush-|bdi-|loop\d|kthreadd|ksoftirqd|swapper|md\d|raid\d|dm-|kdmflush|jfs|txg_|z_wr_|nfsd|khugepaged|kcompactd|writeback)/
