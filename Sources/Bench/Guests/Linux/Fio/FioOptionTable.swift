/// What bench does with each option that fio 3.33 documents (`fio --cmdhelp=all`), with those that this list hides and with those of
/// I/O engines (`fio --enghelp=ENGINE`).
///
/// docs/linux-guests.md has the same table, and a test compares both with fio.
enum FioOptionTable {
  /// What becomes of an option in the job that fio gets.
  enum Treatment: Equatable {
    /// fio gets it as it is.
    case taken
    /// bench says the same in another way, or leaves it out.
    case replaced
    /// The job file is refused, because of the reason given.
    case refused(String)
  }

  /// The treatment of `key`; nil for one that fio 3.33 does not have.
  static func treatment(of key: String) -> Treatment? {
    if let reason = refused[key] { return .refused(reason) }
    if replaced.contains(key) { return .replaced }
    return taken.contains(key) ? .taken : nil
  }

  /// All options, by fio's own names.
  static var names: Set<String> { taken.union(replaced).union(refused.keys) }

  /// Other names that fio takes for its options.
  static let aliases = [
    "readwrite": "rw", "blocksize": "bs", "blockalign": "ba", "blocksize_range": "bsrange",
    "blocksize_unaligned": "bs_unaligned", "iodepth_batch_submit": "iodepth_batch",
    "iodepth_batch_complete": "iodepth_batch_complete_min", "io_limit": "io_size", "fill_fs": "fill_device",
    "fileoffset": "offset", "nr_files": "nrfiles", "timeout": "runtime", "iomem": "mem",
    "mem_align": "iomem_align", "ratemin": "rate_min", "ratecycle": "rate_cycle",
    "wait_for_previous": "stonewall",
    "disable_bw": "disable_bw_measurement", "ss": "steadystate", "ss_dur": "steadystate_duration",
    "ss_ramp": "steadystate_ramp_time",
  ]

  /// The row has one file or device, one size, and each job of one phase.
  private static let replaced: Set<String> = [
    // Which file, and how much of it.
    "filename", "directory", "filename_format", "unique_filename", "opendir", "filesize", "nrfiles",
    "openfiles", "file_service_type", "size", "offset", "offset_increment", "unlink", "unlink_each_loop",
    // What runs after what, and how fio sums it up.
    "stonewall", "wait_for", "new_group", "group_reporting",
    // Logs, which would stay in the guest.
    "per_job_logs", "write_bw_log", "write_lat_log", "write_iops_log", "write_hist_log", "log_entries",
    "log_avg_msec", "log_hist_msec", "log_hist_coarseness", "log_max_value", "log_offset", "log_prio",
    "log_compression", "log_compression_cpus", "log_store_compressed", "log_unix_epoch",
    "log_alternate_epoch",
    "log_alternate_epoch_clock_id",
  ]

  private static let refused: [String: String] = {
    var reasons = [
      "fill_device": "it writes beyond --size",
      "file_append": "it writes beyond --size",
      "startdelay": "jobs that begin at different times have no common window; use stonewall",
      "create_only": "a job without I/O has nothing to measure",
      "verify_only": "the disk holds nothing of an earlier run",
      "verify_state_load": "the disk holds nothing of an earlier run",
      "exec_prerun": "a program beside fio makes exits within the window",
      "exec_postrun": "a program beside fio makes exits within the window",
      "profile": "its options are not in the file",
      "kb_base": "sizes are in powers of 1024; write them so",
      "bs_is_seq_rand": "bs then has a sequential and a random size, which a row cannot tell; use bssplit",
    ]
    for key in otherEngineOptions { reasons[key] = "its ioengine does not use the file or device of a job" }
    for key in ["cgroup", "cgroup_nodelete", "cgroup_weight"] { reasons[key] = "the guest has no cgroups" }
    for key in [
      "write_iolog", "read_iolog", "read_iolog_chunked", "replay_no_stall", "replay_redirect", "replay_scale",
      "replay_align", "replay_time_scale", "replay_skip", "merge_blktrace_file", "merge_blktrace_scalars",
      "merge_blktrace_iters",
    ] { reasons[key] = "the guest has no trace file, and a trace names other devices" }
    return reasons
  }()

  /// Options of engines for networks, clusters, other devices and programs.
  private static let otherEngineOptions = [
    // cpuio, exec, filestat, e4defrag, mtd, sg, io_uring_cmd
    "cpuload", "cpuchunks", "cpumode", "exit_on_io_done", "program", "arguments", "grace_time",
    "std_redirect",
    "stat_type", "donorname", "inplace", "skip_bad", "readfua", "writefua", "sg_write_mode", "stream_id",
    "cmd_type",
    // net, rdma, nbd, rados, rbd, gfapi
    "hostname", "port", "protocol", "nodelay", "listen", "pingpong", "interface", "ttl", "window_size", "mss",
    "bindname", "verb", "uri", "clustername", "clientname", "pool", "rbdname", "busy_poll", "touch_objects",
    "conf", "volume", "brick", "single-instance",
  ]

  private static let taken: Set<String> = [
    // Hidden by --cmdhelp=all.
    "iomem_align", "softrandommap", "verify_async_cpus",
    // libaio, io_uring, pvsync2, mmap
    "userspace_reap", "cmdprio_percentage", "cmdprio_class", "cmdprio", "cmdprio_bssplit", "nowait", "hipri",
    "hipri_percentage", "fixedbufs", "registerfiles", "sqthread_poll", "sqthread_poll_cpu", "nonvectored",
    "uncached", "force_async", "thp",
    // The rest, as --cmdhelp=all has them.
    "description", "name", "lockfile", "rw", "bs", "ba", "bsrange", "bssplit", "bs_unaligned", "randrepeat",
    "randseed", "norandommap", "ignore_error", "rw_sequencer", "ioengine", "iodepth", "iodepth_batch",
    "iodepth_batch_complete_min", "iodepth_batch_complete_max", "iodepth_low", "serialize_overlap",
    "io_submit_mode", "io_size", "offset_align", "number_ios", "random_generator", "random_distribution",
    "percentage_random", "allrandrepeat", "fallocate", "fadvise_hint", "fsync", "fdatasync", "write_barrier",
    "sync_file_range", "direct", "atomic", "buffered", "overwrite", "loops", "numjobs", "runtime",
    "time_based", "ramp_time", "clocksource", "mem", "verify", "do_verify", "verify_interval",
    "verify_offset", "verify_pattern", "verify_fatal", "verify_dump", "verify_async", "verify_backlog",
    "verify_backlog_batch", "experimental_verify", "verify_state_save", "trim_percentage",
    "trim_verify_zero", "trim_backlog", "trim_backlog_batch", "ioscheduler", "zonemode", "zonesize",
    "zonecapacity", "zonerange", "zoneskip", "read_beyond_wp", "max_open_zones", "job_max_open_zones",
    "ignore_zone_limits", "zone_reset_threshold", "zone_reset_frequency", "lockmem", "rwmixread",
    "rwmixwrite", "nice", "prio", "prioclass", "thinktime", "thinktime_spin", "thinktime_blocks",
    "thinktime_blocks_type", "thinktime_iotime", "rate", "rate_min", "rate_process", "rate_cycle",
    "rate_ignore_thinktime", "rate_iops", "rate_iops_min", "max_latency", "latency_target",
    "latency_window", "latency_percentile", "latency_run", "invalidate", "sync", "write_hint",
    "create_serialize", "create_fsync", "create_on_open", "allow_file_create", "allow_mounted_write",
    "pre_read", "cpumask", "cpus_allowed", "cpus_allowed_policy", "numa_cpu_nodes", "numa_mem_policy",
    "end_fsync", "fsync_on_close", "exitall", "exit_what", "exitall_on_error", "thread", "bwavgtime",
    "iopsavgtime", "block_error_percentiles", "stats", "zero_buffers", "refill_buffers", "scramble_buffers",
    "buffer_pattern", "buffer_compress_percentage", "buffer_compress_chunk", "dedupe_percentage",
    "dedupe_mode", "dedupe_working_set_percentage", "dedupe_global", "clat_percentiles", "lat_percentiles",
    "slat_percentiles", "percentile_list", "significant_figures", "disk_util", "gtod_reduce", "disable_lat",
    "disable_clat", "disable_slat", "disable_bw_measurement", "gtod_cpu", "unified_rw_reporting",
    "continue_on_error", "error_dump", "uid", "gid", "unit_base", "hugepage-size", "flow_id", "flow",
    "flow_sleep", "steadystate", "steadystate_duration", "steadystate_ramp_time",
  ]
}
