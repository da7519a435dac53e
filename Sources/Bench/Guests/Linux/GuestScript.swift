/// What a Linux guest runs: a shell script that mounts, waits for the others, runs fio and leaves its marks.
struct GuestScript {
  /// What is between fio and the host.
  let path: DataPath
  /// Where fuse-vext is in the guest.
  let fuseProgram: String
  /// The block driver for the vext queue, and its parameters; empty if the path does without it.
  var driver: [String] = []
  /// How many vCPUs compute while that is measured.
  let workerCount: Int
  /// How long the guest's own exits are measured.
  let idleSpan: TimeSpan
  /// How often fio runs, each time with a job file of its own.
  var phaseCount = 1
  /// Whether the guest empties its cache before fio.
  var startsCold = false

  /// The tag of the folder that host and guest share.
  static let shareTag = "bench"
  /// The tag of the folder that is measured, over virtio-9p or virtio-fs.
  static let dataTag = "data"
  /// Bytes of a 9P message: as much as the guest's kernel takes.
  private static let messageByteCount = 512_000
  /// The files of that folder.
  enum File {
    static let marks = "marks"
    /// What fio gets in a phase.
    static func job(_ phase: Int) -> String { "job.\(phase).fio" }
    /// What fio says of a phase.
    static func output(_ phase: Int) -> String { "fio.\(phase).json" }
    /// Made by the guest when it waits for the others before a phase.
    static func ready(_ phase: Int) -> String { "ready.\(phase)" }
    /// Made by the host when all guests are ready for a phase.
    static func go(_ phase: Int) -> String { "go.\(phase)" }
    /// Written by the guest to compare clocks: a phase and a number follow.
    static let clock = "clock"
  }

  /// How often the clocks are compared in each phase.
  private static let probeCount = 8

  /// The script. Waiting is done by `read -t` on a pipe without a writer, which starts no program.
  var text: String {
    """
    #!/bin/bash
    export LC_ALL=C
    share=/run/\(Self.shareTag) fs=\(FioJob.mountPoint)
    exec 9<> <(:)
    fail() { echo "bench: $1" >&2; exit 1; }
    note() { echo "$*" >> "$share/\(File.marks)"; }
    # The clock in microseconds.
    now() { moment=${EPOCHREALTIME/./}; }
    compare_clocks() {
      local number before
      for ((number = 0; number < \(Self.probeCount); number++)); do
        now; before=$moment
        echo > "$share/\(File.clock).$1.$number"
        now
        note clock "$1" "$number" "$before" "$moment"
      done
    }
    mkdir -p "$share" "$fs" || fail "cannot make folders in /run"
    mount -t 9p -o trans=virtio,version=9p2000.L,msize=262144,cache=none \(Self.shareTag) "$share" ||
      fail "cannot mount the folder that host and guest share"
    read -r kernel < /proc/sys/kernel/osrelease
    note kernel "$kernel"
    cd /run
    \(mount)
    # Started once, so that the measured start does not wait for its files.
    fio --version > fio-version || fail "fio does not start"
    compare_clocks before
    \(baselines)
    for ((phase = 0; phase < \(phaseCount); phase++)); do
      \(coolDown)
      : > "$share/ready.$phase"
      until [[ -e $share/go.$phase ]]; do read -r -t 0.02 -u 9; done
      fio --eta=never --output="$share/fio.$phase.json" --output-format=json+ "$share/job.$phase.fio"
      note fio "$phase" "$?"
      compare_clocks "after.$phase"
    done
    \(unmount)
    note exit 0
    """ + "\n"
  }

  private var mount: String {
    switch path.fileSystem {
    case .none: waitForDisk
    case .ext4, .xfs:
      waitForDisk
        + "\nmount -t \(path.fileSystem.rawValue) \(path.blockDevice) \"$fs\" || fail \"cannot mount \(path.fileSystem.rawValue)\""
    case .fuseVext: queueMemory + "\n" + mountFUSE("'\(fuseProgram)' -f --device vext")
    case .fuseOnVirtio: waitForDisk + "\n" + mountFUSE("'\(fuseProgram)' -f --device \(path.blockDevice)")
    case .fuse2fsOnVirtio: waitForDisk + "\n" + mountFUSE("fuse2fs -f \(path.blockDevice)")
    case .ninePUncached, .ninePLoose:
      "mount -t 9p -o trans=virtio,version=9p2000.L,msize=\(Self.messageByteCount),cache=\(path.fileSystem.shareCache ?? "") "
        + "\(Self.dataTag) \"$fs\" || fail \"cannot mount 9p\""
    case .virtioFSUncached, .virtioFSAuto, .virtioFSAlways:
      "mount -t virtiofs \(Self.dataTag) \"$fs\" || fail \"cannot mount virtiofs\""
    case .fuseOnImage: ":"
    }
  }

  /// fio's own files are read again at once, so that its start does not wait for them.
  private var coolDown: String {
    startsCold
      ? "sync; echo 3 > /proc/sys/vm/drop_caches || fail \"cannot empty the cache\"; fio --version > fio-version"
      : ":"
  }

  /// Memory of the queue; without them it takes small pages.
  private var queueMemory: String { "echo 32 > /proc/sys/vm/nr_hugepages" }

  private var waitForDisk: String {
    let device = path.blockDevice
    let load =
      driver.isEmpty
      ? "" : "insmod '\(driver.joined(separator: "' '"))' || fail \"cannot load the block driver\"\n"
    return load + """
      for ((tries = 0; tries < 500; tries++)); do [[ -b \(device) ]] && break; read -r -t 0.02 -u 9; done
      [[ -b \(device) ]] || fail "there is no \(device)"
      """
  }

  /// Mounts what `command` serves, once the mount point is added to it.
  private func mountFUSE(_ command: String) -> String {
    """
    is_mounted() {
      local place
      while read -r _ place _; do [[ $place == "$fs" ]] && return 0; done < /proc/mounts
      return 1
    }
    \(command) "$fs" &
    fuse=$!
    until is_mounted; do
      kill -0 "$fuse" 2> /dev/null || { wait "$fuse"; fail "the file system's program ended with code $?"; }
      read -r -t 0.05 -u 9
    done
    """
  }

  private var unmount: String {
    switch path.fileSystem {
    case .none, .fuseOnImage: ":"
    case .ext4, .xfs, .ninePUncached, .ninePLoose, .virtioFSUncached, .virtioFSAuto, .virtioFSAlways:
      "umount \"$fs\" || fail \"cannot unmount \(path.fileSystem.rawValue)\""
    case .fuseVext, .fuseOnVirtio, .fuse2fsOnVirtio:
      """
      umount "$fs" || fail "cannot unmount \(path.fileSystem.rawValue)"
      wait "$fuse" || fail "the file system's program ended with code $?"
      """
    }
  }

  /// What the guest makes of exits anyway: idle, and with all its vCPUs at work.
  private var baselines: String {
    guard idleSpan.nanoseconds > 0 else { return ":" }
    return """
      now; start=$moment
      read -r -t \(idleSpan.seconds) -u 9
      now; note idle "$start" "$moment"
      compute() { until now; ((moment >= end)); do :; done; }
      now; start=$moment; end=$((start + \(idleSpan.nanoseconds / 1000)))
      helpers=()
      for ((worker = 1; worker < \(workerCount); worker++)); do compute & helpers+=($!); done
      compute
      note computing "$start" "$end"
      ((${#helpers[@]} == 0)) || wait "${helpers[@]}"
      """
  }
}
