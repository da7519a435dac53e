// libext2fs 1.47: the on-disk format and the allocators of ext2, ext3 and ext4.
#ifndef CEXT2_H
#define CEXT2_H

#include <ext2fs/ext2fs.h>

// The words are in unions, which Swift imports less readably.
static inline uint32_t cext2_user(const struct ext2_inode_large *inode) {
  return inode->i_uid | (uint32_t)inode->osd2.linux2.l_i_uid_high << 16;
}

static inline uint32_t cext2_group(const struct ext2_inode_large *inode) {
  return inode->i_gid | (uint32_t)inode->osd2.linux2.l_i_gid_high << 16;
}

static inline void cext2_set_owner(struct ext2_inode_large *inode, uint32_t user, uint32_t group) {
  inode->i_uid = (uint16_t)user;
  inode->osd2.linux2.l_i_uid_high = (uint16_t)(user >> 16);
  inode->i_gid = (uint16_t)group;
  inode->osd2.linux2.l_i_gid_high = (uint16_t)(group >> 16);
}

// The 60 bytes that hold block pointers, an extent tree's root, a short symbolic link or a device number.
static inline uint32_t *cext2_block_words(struct ext2_inode_large *inode) { return inode->i_block; }

static inline struct ext2_inode *cext2_small(struct ext2_inode_large *inode) { return (struct ext2_inode *)inode; }

#endif
