public import VextProtocol

/// Where firmware would have put things: the one place that says what lies where in a booting guest's memory.
///
/// ```
/// 0_0000  BIOS data area (page 0)
/// 0_1000  GDT                                  }
/// 0_2000  PML4, PDPT, four page directories    } free for the kernel as soon as it has its own
/// 0_8000  zero page, or PVH start info         }
/// 0_A000  command line                         }
/// 1_0000  real-mode kernel's setup code, or a flat binary
/// 9_FC00  extended BIOS data area, reserved
/// F_0000  MP floating pointer and table, reserved up to 1 MiB
/// F_4000  ACPI: RSDP, then the tables
/// F_E000  BIOS of a real-mode kernel
/// 10_0000 kernel (at its own address), ..., initial RAM disk as high as allowed
/// C000_0000  PCI hole: configuration area, frame buffer from C010_0000, BARs from C100_0000, fixed parts (I/O APIC, local APIC, KVM's pages) from FEC0_0000
/// 1_0000_0000  the rest of RAM
/// ```
public enum BootLayout {
  /// The global descriptor table of the entry.
  public static let gdt = GuestAddress(0x1000)
  /// The identity map: PML4, PDPT, one page directory for each of the first four GiB.
  public static let pageTables = GuestAddress(0x2000)
  /// The zero page (struct boot_params) of the Linux boot protocol, 4,096 bytes.
  public static let zeroPage = GuestAddress(0x8000)
  /// PVH's hvm_start_info, module list and memory map.
  public static let pvhStartInfo = GuestAddress(0x9000)
  /// The command line with its terminating zero byte.
  public static let commandLine = GuestAddress(0xA000)
  /// The segment of a real-mode kernel or flat binary.
  static let realModeSegment: UInt16 = 0x1000
  /// Maximum length of the command line in bytes, whatever the kernel accepts.
  public static let commandLineLimit = 2048

  /// End of the conventional memory, start of the extended BIOS data area.
  public static let extendedBIOSData: UInt64 = 0x9_FC00
  /// End of the memory below video memory.
  public static let videoMemory: UInt64 = 0xA_0000
  /// The BIOS area, up to ``highMemory``.
  public static let biosArea: UInt64 = 0xF_0000
  /// The MP floating pointer, then the MP configuration table, up to ``acpiTables``.
  public static let mpTable = GuestAddress(biosArea)
  /// The ACPI root pointer, then the tables.
  public static let acpiTables = GuestAddress(0xF_4000)
  /// Start of the memory above the BIOS: 1 MiB.
  public static let highMemory: UInt64 = 0x10_0000

  /// The I/O APIC's registers.
  public static let ioAPIC: UInt32 = 0xFEC0_0000
  /// The local APICs' registers.
  public static let localAPIC: UInt32 = 0xFEE0_0000
  /// Start of the PCI hole's fixed parts, which end at 4 GiB.
  public static let fixedDevices: UInt64 = PCIHost.barWindowEnd

  /// The frame buffer of a machine with a display, between PCI's configuration area and the BARs.
  public static let frameBuffer: UInt64 =
    PCIHost.configurationAreaStart + PCIHost.configurationAreaByteCount
  /// Maximum number of bytes of the frame buffer.
  public static let frameBufferByteLimit = PCIHost.barWindowStart - frameBuffer

  /// Minimum size of RAM in bytes: room for these structures and a small kernel.
  public static let minimumMemory: UInt64 = 2 << 20
  /// Maximum number of vCPUs: local APIC IDs 0 to 253. ID 254 is for an I/O APIC, 255 addresses all (MP 1.4 §3.6.1).
  public static let vcpuLimit = 254

  /// End of the RAM below the PCI hole.
  static func lowMemoryEnd(_ memoryByteCount: UInt64) -> UInt64 {
    min(memoryByteCount, GuestMemory.pciHoleStart)
  }
}
