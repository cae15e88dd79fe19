/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A network with nobody else in it: every frame that is sent comes back. With a cable there is one
 * other, and frames go to it and come from it instead.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/virtio_net.h>
#include <net/ethernet.h>
#include <netinet/if_ether.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "devices/net_cable.h"
#include "devices/service.h"

#define FRAME_MAX 65550
#define HEADER sizeof(struct virtio_net_hdr_mrg_rxbuf)
#define TURN 64 /* frames that are received before others have their turn */
#define MTU_MIN 68
#define MTU_DEFAULT 1500
#define BIT(n) (UINT64_C(1) << (n))

struct vu_service {
	const struct vu_service_host *host;
	unsigned int pairs;
	uint16_t mtu;
	struct vu_cable cable;
	struct vu_element buffer; /* where a frame is received */
	uint8_t frame[FRAME_MAX];
};

static unsigned int rings(unsigned int queues)
{
	return 2 * queues;
}

static bool receives(unsigned int ring)
{
	return ring % 2 == 0;
}

static struct vu_service *open_net(const struct vu_service_options *opt,
				   const struct vu_service_host *host, char *why, size_t size)
{
	struct vu_service *s = calloc(1, sizeof(*s));
	int err = 0;

	if (!s)
		return NULL;
	s->host = host;
	s->pairs = opt->queues;
	s->mtu = MTU_DEFAULT;
	s->cable.fd = -1;
	if (opt->path)
		err = vu_cable_plug(&s->cable, opt->path);
	if (opt->path && !err)
		err = host->watch(host->ctx, s->cable.fd);
	if (!err)
		return s;
	snprintf(why, size, "%s: %s", opt->path, strerror(-err));
	vu_cable_unplug(&s->cable);
	free(s);
	return NULL;
}

static void close_net(struct vu_service *s)
{
	vu_cable_unplug(&s->cable);
	free(s);
}

/* A frame for which there is no room is lost, as on any network. */
static void deliver(struct vu_service *s, unsigned int ring, size_t len)
{
	const struct virtio_net_hdr_mrg_rxbuf header = { .num_buffers = htole16(1) };
	struct vu_element *el = &s->buffer;
	uint32_t written = 0;

	if (s->host->take(s->host->ctx, ring, el))
		return;
	if (el->in_len >= HEADER + len) {
		vu_segments_write(el->in, el->nin, 0, &header, HEADER);
		vu_segments_write(el->in, el->nin, HEADER, s->frame, len);
		written = (uint32_t)(HEADER + len);
	}
	s->host->give(s->host->ctx, ring, el, written);
}

/* To who is at the other end; without one, back. */
static void transmit(struct vu_service *s, unsigned int receiver, size_t len)
{
	if (s->cable.fd >= 0)
		vu_cable_send(&s->cable, s->frame, len);
	else
		deliver(s, receiver, len);
}

/* What a disabled ring sends is dropped. */
static int serve(struct vu_service *s, unsigned int ring, const struct vu_element *el, bool effects,
		 uint32_t *written)
{
	size_t len = vu_segments_read(el->out, el->nout, HEADER, s->frame, sizeof(s->frame));

	*written = 0;
	if (effects && len)
		transmit(s, ring - 1, len);
	return 0;
}

/* What comes in is for the first pair, which is there always. Buffers alone are no reason to do anything. */
static void ready(struct vu_service *s, unsigned int ring, int fd)
{
	size_t len = 1;

	(void)ring;
	for (int i = 0; fd >= 0 && i < TURN && len; i++) {
		len = vu_cable_receive(&s->cable, s->frame, sizeof(s->frame));
		if (len)
			deliver(s, 0, len);
	}
}

/* A RARP from the guest to all, which switches learn from. */
static void announce(struct vu_service *s, const uint8_t mac[ETH_ALEN])
{
	struct ether_header *ether = (struct ether_header *)s->frame;
	struct ether_arp *rarp = (struct ether_arp *)(ether + 1);

	memset(s->frame, 0, ETH_ZLEN);
	memset(ether->ether_dhost, 0xff, ETH_ALEN);
	memcpy(ether->ether_shost, mac, ETH_ALEN);
	ether->ether_type = htons(ETHERTYPE_REVARP);
	rarp->arp_hrd = htons(ARPHRD_ETHER);
	rarp->arp_pro = htons(ETHERTYPE_IP);
	rarp->arp_hln = ETH_ALEN;
	rarp->arp_pln = sizeof(rarp->arp_spa);
	rarp->arp_op = htons(ARPOP_RREQUEST);
	memcpy(rarp->arp_sha, mac, ETH_ALEN);
	memcpy(rarp->arp_tha, mac, ETH_ALEN);
	transmit(s, 0, ETH_ZLEN);
}

static int set_mtu(struct vu_service *s, uint64_t mtu)
{
	if (mtu < MTU_MIN || mtu > UINT16_MAX)
		return -ERANGE;
	s->mtu = (uint16_t)mtu;
	return 0;
}

static uint32_t config_size(const struct vu_service *s)
{
	(void)s;
	return sizeof(struct virtio_net_config);
}

static void config(const struct vu_service *s, uint8_t *bytes)
{
	const struct virtio_net_config c = {
		.mac = { 0x02, 'v', 'r', 'i', 'n', 'g' },
		.status = htole16(VIRTIO_NET_S_LINK_UP),
		.max_virtqueue_pairs = htole16((uint16_t)s->pairs),
		.mtu = htole16(s->mtu),
	};

	memcpy(bytes, &c, sizeof(c));
}

/* Nothing in it is the driver's to write; migration may write what stands there anyway. */
static int set_config(struct vu_service *s, uint32_t offset, uint32_t size, const uint8_t *bytes,
		      bool migration)
{
	uint8_t now[sizeof(struct virtio_net_config)];

	config(s, now);
	return migration && memcmp(now + offset, bytes, size) == 0 ? 0 : -EACCES;
}

static int save(struct vu_service *s, uint8_t **bytes, size_t *len)
{
	*len = sizeof(s->mtu);
	*bytes = malloc(*len);
	if (!*bytes)
		return -ENOMEM;
	memcpy(*bytes, &s->mtu, *len);
	return 0;
}

static int load(struct vu_service *s, const uint8_t *bytes, size_t len)
{
	uint16_t mtu;

	if (len != sizeof(mtu))
		return -EINVAL;
	memcpy(&mtu, bytes, len);
	return set_mtu(s, mtu);
}

static const struct vu_network_ops network = { .announce = announce, .set_mtu = set_mtu };

const struct vu_service_ops vu_net_service = {
	.name = "net",
	.capability = "net",
	.features = BIT(VIRTIO_NET_F_MTU) | BIT(VIRTIO_NET_F_MAC) | BIT(VIRTIO_NET_F_STATUS) |
		    BIT(VIRTIO_NET_F_CTRL_VQ) | BIT(VIRTIO_NET_F_MQ),
	.traits = VU_SERVICE_DRAINS_DISABLED,
	.rings = rings,
	.open = open_net,
	.close = close_net,
	.serve = serve,
	.pulls = receives,
	.ready = ready,
	.config_size = config_size,
	.config = config,
	.set_config = set_config,
	.save = save,
	.load = load,
	.network = &network,
};
