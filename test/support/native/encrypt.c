/*
 * Makes an encrypted directory below a mounted ext4 and fills it. The key belongs to the mount and
 * goes with it. Exit status 77: the kernel cannot encrypt.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <linux/fscrypt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

static void check(const char *what, int result)
{
	if (result < 0) {
		perror(what);
		exit(errno == EOPNOTSUPP || errno == ENOTTY || errno == ENOPKG ? 77 : 1);
	}
}

static void add_key(int root, struct fscrypt_policy_v2 *policy)
{
	struct {
		struct fscrypt_add_key_arg argument;
		unsigned char raw[64];
	} key = { .argument = { .key_spec = { .type = FSCRYPT_KEY_SPEC_TYPE_IDENTIFIER }, .raw_size = 64 } };

	for (int i = 0; i < 64; i++)
		key.raw[i] = 3 * i + 1;
	check("FS_IOC_ADD_ENCRYPTION_KEY", ioctl(root, FS_IOC_ADD_ENCRYPTION_KEY, &key));
	memcpy(policy->master_key_identifier, key.argument.key_spec.u.identifier, sizeof(policy->master_key_identifier));
}

static void fill(void)
{
	static const int lengths[] = { 1, 15, 16, 17, 32, 33, 100, 147, 148, 149, 150, 176, 200, 255 };
	char name[256];

	for (size_t i = 0; i < sizeof(lengths) / sizeof(*lengths); i++) {
		memset(name, 'a' + i, lengths[i]);
		name[lengths[i]] = 0;
		int fd = open(name, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);

		check(name, fd);
		check(name, pwrite(fd, "secret", 6, 1000 * i));
		close(fd);
	}
	for (int i = 0; i < 1500; i++) {
		snprintf(name, sizeof(name), "one-of-many-%d", i);
		check(name, mkdir("many", 0755) < 0 && errno != EEXIST ? -1 : 0);
		char path[300];

		snprintf(path, sizeof(path), "many/%s", name);
		check(path, link("a", path));
	}
	check("symlink", symlink("a", "symlink"));
	check("symlink", symlink("a/longer/target/than/fits/into/the/inode/of/the/symbolic/link/itself", "long-symlink"));
	check("mknod", mknod("fifo", S_IFIFO | 0600, 0));
}

int main(int argc, char **argv)
{
	struct fscrypt_policy_v2 policy = {
		.version = FSCRYPT_POLICY_V2,
		.contents_encryption_mode = FSCRYPT_MODE_AES_256_XTS,
		.filenames_encryption_mode = FSCRYPT_MODE_AES_256_CTS,
	};

	if (argc != 2)
		return fprintf(stderr, "usage: encrypt DIRECTORY\n"), 2;
	check(argv[1], chdir(argv[1]));
	add_key(open(".", O_RDONLY | O_CLOEXEC), &policy);
	check("mkdir", mkdir("encrypted", 0755));
	int directory = open("encrypted", O_RDONLY | O_CLOEXEC);

	check("FS_IOC_SET_ENCRYPTION_POLICY", ioctl(directory, FS_IOC_SET_ENCRYPTION_POLICY, &policy));
	check("chdir", fchdir(directory));
	fill();
	return 0;
}
