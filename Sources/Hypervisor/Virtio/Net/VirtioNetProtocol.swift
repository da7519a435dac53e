/// The network device's part of virtio 1.2: §5.1.
enum VirtioNetProtocol {
  /// §5.1.1
  static let deviceID: UInt16 = 1
  /// §5.1.6: size of the header before each frame, and the offset of num_buffers in it.
  static let headerByteCount = 12
  static let bufferCountOffset = 10
  /// §5.1.6.1: the header of a legacy driver that does not merge buffers lacks num_buffers.
  static let shortHeaderByteCount = 10
  /// The shortest valid Ethernet frame: its header.
  static let minimumFrameByteCount = 14
  /// The longest frame: the largest IP packet, an Ethernet header, two VLAN tags.
  static let maximumFrameByteCount = 65_535 + 14 + 8
  /// The longest frame on an ordinary link without large segments.
  static let ordinaryFrameByteCount = 1_518
  /// Maximum number of queue pairs of a device, as in kvmtool.
  static let pairLimit = 8

  /// §5.1.4: offsets in the configuration.
  enum Configuration {
    static let address = 0
    static let status = 6
    static let pairCount = 8
    static let mtu = 10
    static let byteCount = 12
  }

  /// §5.1.4: VIRTIO_NET_S_LINK_UP.
  static let linkUp: UInt16 = 1

  /// §5.1.6.5: the byte that ends a command.
  enum Acknowledgement {
    static let ok: UInt8 = 0
    static let error: UInt8 = 1
  }

  /// §5.1.6.5: class and command.
  enum Control {
    static let receiveModeClass: UInt8 = 0
    static let promiscuous: UInt8 = 0
    static let allMulticast: UInt8 = 1
    static let addressClass: UInt8 = 1
    static let setTable: UInt8 = 0
    static let setAddress: UInt8 = 1
    static let pairsClass: UInt8 = 4
    static let setPairs: UInt8 = 0
  }
}

extension VirtioFeatures {
  /// VIRTIO_NET_F_CSUM: the device completes checksums of what it sends.
  static let netChecksum = VirtioFeatures(rawValue: 1 << 0)
  /// VIRTIO_NET_F_GUEST_CSUM: the driver takes frames whose checksum is not complete.
  static let netGuestChecksum = VirtioFeatures(rawValue: 1 << 1)
  /// VIRTIO_NET_F_MTU: the link's MTU is known.
  static let netMTU = VirtioFeatures(rawValue: 1 << 3)
  /// VIRTIO_NET_F_MAC: the device has an address.
  static let netAddress = VirtioFeatures(rawValue: 1 << 5)
  /// VIRTIO_NET_F_GUEST_TSO4: the driver takes large segments of TCP over IPv4.
  static let netGuestSegmentation4 = VirtioFeatures(rawValue: 1 << 7)
  /// VIRTIO_NET_F_GUEST_TSO6: the driver takes large segments of TCP over IPv6.
  static let netGuestSegmentation6 = VirtioFeatures(rawValue: 1 << 8)
  /// VIRTIO_NET_F_HOST_TSO4: the device sends large segments of TCP over IPv4.
  static let netSegmentation4 = VirtioFeatures(rawValue: 1 << 11)
  /// VIRTIO_NET_F_HOST_TSO6: the device sends large segments of TCP over IPv6.
  static let netSegmentation6 = VirtioFeatures(rawValue: 1 << 12)
  /// VIRTIO_NET_F_MRG_RXBUF: a frame may fill several buffers.
  static let netMergeableBuffers = VirtioFeatures(rawValue: 1 << 15)
  /// VIRTIO_NET_F_STATUS: the link's status is known.
  static let netStatus = VirtioFeatures(rawValue: 1 << 16)
  /// VIRTIO_NET_F_CTRL_VQ: there is a control queue.
  static let netControlQueue = VirtioFeatures(rawValue: 1 << 17)
  /// VIRTIO_NET_F_CTRL_RX: the control queue takes receive modes.
  static let netReceiveMode = VirtioFeatures(rawValue: 1 << 18)
  /// VIRTIO_NET_F_MQ: there may be several pairs of queues.
  static let netMultiqueue = VirtioFeatures(rawValue: 1 << 22)
  /// VIRTIO_NET_F_CTRL_MAC_ADDR: the control queue sets the address.
  static let netSetAddress = VirtioFeatures(rawValue: 1 << 23)
}
