# Copyright (c) semipose_mm authors.
"""Networks with random weights under the names of the released code.

Written from the published entry names and the architectures'
descriptions, without code of MMPose or of the released implementation.
"""
import torch
from torch import nn

NUM_JOINTS = 24
STAGES = {
    18: (False, (2, 2, 2, 2)),
    34: (False, (3, 4, 6, 3)),
    50: (True, (3, 4, 6, 3)),
    101: (True, (3, 4, 23, 3)),
    152: (True, (3, 8, 36, 3))
}


def conv(inputs, outputs, size, stride=1):
    return nn.Conv2d(
        inputs, outputs, size, stride, padding=size // 2, bias=False)


class Block(nn.Module):
    """A residual block: two 3x3, or 1x1, 3x3 with the stride, 1x1."""

    def __init__(self, inputs, width, stride=1, bottleneck=False):
        super().__init__()
        if bottleneck:
            outputs = 4 * width
            shapes = [(inputs, width, 1, 1), (width, width, 3, stride),
                      (width, outputs, 1, 1)]
        else:
            outputs = width
            shapes = [(inputs, width, 3, stride), (width, width, 3, 1)]
        for i, shape in enumerate(shapes, 1):
            self.add_module(f'conv{i}', conv(*shape))
            self.add_module(f'bn{i}', nn.BatchNorm2d(shape[1]))
        self.count = len(shapes)
        if inputs != outputs or stride != 1:
            self.downsample = nn.Sequential(
                conv(inputs, outputs, 1, stride), nn.BatchNorm2d(outputs))

    def forward(self, x):
        out = x
        for i in range(1, self.count + 1):
            out = getattr(self, f'bn{i}')(getattr(self, f'conv{i}')(out))
            if i < self.count:
                out = out.relu()
        skip = self.downsample(x) if hasattr(self, 'downsample') else x
        return (out + skip).relu()


def blocks(inputs, width, count, stride=1, bottleneck=False):
    outputs = width * (4 if bottleneck else 1)
    return nn.Sequential(
        Block(inputs, width, stride, bottleneck),
        *[Block(outputs, width, 1, bottleneck) for _ in range(1, count)])


class ReleasedResNet(nn.Module):
    """ResNet with three deconvolutions."""

    def __init__(self, depth, last='final_layer', joints=NUM_JOINTS):
        super().__init__()
        bottleneck, counts = STAGES[depth]
        self.conv1 = nn.Conv2d(3, 64, 7, 2, padding=3, bias=False)
        self.bn1 = nn.BatchNorm2d(64)
        inputs = 64
        for i, count in enumerate(counts):
            layer = blocks(inputs, 64 * 2**i, count, 2 if i else 1, bottleneck)
            self.add_module(f'layer{i + 1}', layer)
            inputs = 64 * 2**i * (4 if bottleneck else 1)
        ups = []
        for _ in range(3):
            ups += [
                nn.ConvTranspose2d(inputs, 256, 4, 2, 1, bias=False),
                nn.BatchNorm2d(256),
                nn.ReLU()
            ]
            inputs = 256
        self.deconv_layers = nn.Sequential(*ups)
        self.last = last
        self.add_module(last, nn.Conv2d(256, joints, 1))

    def forward(self, x):
        x = self.bn1(self.conv1(x)).relu()
        x = nn.functional.max_pool2d(x, 3, 2, 1)
        for i in range(1, 5):
            x = getattr(self, f'layer{i}')(x)
        return getattr(self, self.last)(self.deconv_layers(x))


def conv_bn(inputs, outputs, size, stride, relu):
    layers = [conv(inputs, outputs, size, stride), nn.BatchNorm2d(outputs)]
    return nn.Sequential(*layers, *([nn.ReLU()] if relu else []))


class Exchange(nn.Module):
    """Parallel branches, and every output the sum of all of them."""

    def __init__(self, widths, outputs):
        super().__init__()
        self.branches = nn.ModuleList(blocks(w, w, 4) for w in widths)
        self.fuse_layers = nn.ModuleList()
        for i in range(outputs):
            row = nn.ModuleDict()
            for j in range(len(widths)):
                if j > i:
                    row[str(j)] = conv_bn(widths[j], widths[i], 1, 1, False)
                elif j < i:
                    steps = [(widths[j], widths[j], 3, 2, True)] * (i - j - 1)
                    steps += [(widths[j], widths[i], 3, 2, False)]
                    row[str(j)] = nn.Sequential(*[conv_bn(*s) for s in steps])
            self.fuse_layers.append(row)

    def forward(self, xs):
        xs = [branch(x) for branch, x in zip(self.branches, xs)]
        outputs = []
        for i, row in enumerate(self.fuse_layers):
            total = xs[i]
            for j, layer in row.items():
                y = layer(xs[int(j)])
                for _ in range(int(j) - i):
                    y = y.repeat_interleave(2, -1).repeat_interleave(2, -2)
                total = total + y
            outputs.append(total.relu())
        return outputs


class ReleasedHRNet(nn.Module):
    """HRNet for poses: 1, 4 and 3 exchanges in the stages 2 to 4."""

    def __init__(self, width, joints=NUM_JOINTS):
        super().__init__()
        self.conv1, self.bn1 = conv(3, 64, 3, 2), nn.BatchNorm2d(64)
        self.conv2, self.bn2 = conv(64, 64, 3, 2), nn.BatchNorm2d(64)
        self.layer1 = blocks(64, 64, 4, bottleneck=True)
        widths = [width * 2**i for i in range(4)]
        self.transition1 = nn.ModuleDict({
            '0':
            conv_bn(256, width, 3, 1, True),
            '1':
            nn.Sequential(conv_bn(256, widths[1], 3, 2, True))
        })
        for i in (2, 3):
            new = nn.Sequential(conv_bn(widths[i - 1], widths[i], 3, 2, True))
            self.add_module(f'transition{i}', nn.ModuleDict({str(i): new}))
        for i, count in ((2, 1), (3, 4), (4, 3)):
            outputs = [i] * count
            if i == 4:
                outputs[-1] = 1
            stage = [Exchange(widths[:i], num) for num in outputs]
            self.add_module(f'stage{i}', nn.Sequential(*stage))
        self.last = 'final_layer'
        self.final_layer = nn.Conv2d(width, joints, 1)

    def forward(self, x):
        x = self.bn1(self.conv1(x)).relu()
        x = self.layer1(self.bn2(self.conv2(x)).relu())
        xs = self.stage2([self.transition1['0'](x), self.transition1['1'](x)])
        xs = self.stage3([*xs, self.transition2['2'](xs[-1])])
        return self.final_layer(
            self.stage4([*xs, self.transition3['3'](xs[-1])])[0])


@torch.no_grad()
def randomize(network, seed, untrained=()):
    """Fill everything, batch norm's statistics included.

    Args:
        network (nn.Module): Changed in place.
        seed (int): Seed.
        untrained (Sequence[int]): Channels whose bias stays 0.
    """
    generator = torch.Generator().manual_seed(seed)

    def uniform(tensor, low, high):
        tensor.uniform_(low, high, generator=generator)

    for module in network.modules():
        if isinstance(module, nn.BatchNorm2d):
            uniform(module.weight, 0.5, 1)
            uniform(module.bias, -0.3, 0.3)
            uniform(module.running_mean, -0.3, 0.3)
            uniform(module.running_var, 0.5, 2)
            module.num_batches_tracked.fill_(7)
        elif isinstance(module, (nn.Conv2d, nn.ConvTranspose2d)):
            fan = module.weight[0].numel()
            module.weight.normal_(0, (1 / fan)**0.5, generator=generator)
            if module.bias is not None:
                uniform(module.bias, 0.05, 0.5)
    # statistics of real signals, or the input would hardly matter
    norms = [m for m in network.modules() if isinstance(m, nn.BatchNorm2d)]
    for norm in norms:
        norm.momentum = 0.9
    network.train()(torch.randn(4, 3, 64, 64, generator=generator))
    last = getattr(network, network.last)
    last.weight.mul_(0.3)  # as heatmaps are, at most about 1
    last.bias[list(untrained)] = 0
    return network.eval()


def make(family, size, seed, untrained=(), **kwargs):
    """A randomized network, without torch's own initialization.

    Args:
        family (str): ``'resnet'`` or ``'hrnet'``.
        size (int): Depth or width.
        seed (int): Seed.
        untrained (Sequence[int]): Channels whose bias stays 0.
        **kwargs: Of the network.
    """
    kind = dict(resnet=ReleasedResNet, hrnet=ReleasedHRNet)[family]
    with torch.device('meta'):
        network = kind(size, **kwargs)
    return randomize(network.to_empty(device='cpu'), seed, untrained)


def released_state(networks):
    """The entries of a PoseDual (two) or PoseCons (one) file."""
    return {
        f'{prefix}.{key}': value
        for prefix, net in zip(('resnet', 'resnet2', 'resnet3'), networks)
        for key, value in net.state_dict().items()
    }
