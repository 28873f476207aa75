# Copyright (c) semipose_mm authors.
"""The compiled ops of mmcv, by those that torchvision has compiled.

mmcv-lite carries all Python of ``mmcv.ops`` and lacks ``mmcv._ext``. This
module has its name and its functions, whose parameters are those that mmcv
2.1 passes: tensors to fill come among them. What torchvision lacks and mmcv
computes in torch on the CPU is computed in torch on any device. An op that
neither has raises when it is called, never when mmcv is imported.
"""
import numpy as np
import torch
import torchvision

tv = torch.ops.torchvision

WAY_OUT = ('is not among the ops that torchvision serves; compile mmcv over '
           'mmcv-lite for it, with Python 3.12 at most and a torch such as '
           '2.5.1: `MMCV_WITH_OPS=1 pip install --no-deps '
           '--no-build-isolation mmcv==2.1.0`')


def __getattr__(name):
    """Stand for an op that is not served here."""
    if name.startswith('__'):
        raise AttributeError(name)

    def missing(*args, **kwargs):
        raise NotImplementedError(f'mmcv.ops: {name!r} {WAY_OUT}')

    missing.__name__ = name
    return missing


def get_compiler_version():
    """Name what stands for the compiler."""
    return f'torchvision {torchvision.__version__}'


def get_compiling_cuda_version():
    """CUDA version of torchvision's ops, 'not available' for CPU ones."""
    return torch.version.cuda or 'not available'


# --------------------------------------------------------------------- boxes


def nms(boxes, scores, iou_threshold, offset):
    """Indices of the boxes that are kept, by falling score."""
    if offset:
        boxes = torch.cat([boxes[:, :2], boxes[:, 2:] + offset], dim=1)
    return tv.nms(boxes, scores, iou_threshold)


def _sizes(boxes, offset):
    """Areas of boxes of shape (4, N)."""
    return (boxes[2] - boxes[0] + offset) * (boxes[3] - boxes[1] + offset)


def _overlaps(box, area, boxes, areas, offset):
    """IoU of one box with boxes of shape (4, N), in float32 as compiled."""
    width = np.minimum(box[2], boxes[2])
    width -= np.maximum(box[0], boxes[0])
    height = np.minimum(box[3], boxes[3])
    height -= np.maximum(box[1], boxes[1])
    if offset:
        width += offset
        height += offset
    inter = np.maximum(width, 0, out=width)
    inter *= np.maximum(height, 0, out=height)
    return inter / (area + areas - inter)


def softnms(boxes, scores, dets, iou_threshold, sigma, min_score, method,
            offset):
    """Fill ``dets`` with boxes and lowered scores, return their indices.

    A box's turn depends on all before it, so there is a loop over
    boxes; in numpy, whose calls on a few hundred numbers cost a tenth
    of torch's.
    """
    left = boxes.float().numpy().T.copy()
    areas = _sizes(left, np.float32(offset))
    scores = scores.float().numpy().copy()
    indices = np.arange(len(scores))
    kept, found = [], []
    while scores.size:
        best = scores.argmax()
        box, area, score = left[:, best].copy(), areas[best], scores[best]
        kept.append(indices[best])
        found.append((*box, score))
        # the first takes its place, as in the compiled op
        for values in (left, areas, scores, indices):
            values[..., best] = values[..., 0]
        left, areas = left[:, 1:], areas[1:]
        scores, indices = scores[1:], indices[1:]
        iou = _overlaps(box, area, left, areas, np.float32(offset))
        if method == 2:
            scores *= np.exp(-(iou * iou) / np.float32(sigma))
        else:
            near = iou >= np.float32(iou_threshold)
            scores[near] *= 1 - iou[near] if method == 1 else 0
        high = scores >= np.float32(min_score)
        if not high.all():
            left, areas = left[:, high], areas[high]
            scores, indices = scores[high], indices[high]
    if found:
        dets[:len(found)] = torch.from_numpy(np.array(found, np.float32))
    return torch.tensor(kept, dtype=torch.long)


def nms_match(dets, iou_threshold):
    """Groups of indices, each a kept box and those that it suppresses."""
    order = dets[:, 4].argsort(descending=True, stable=True).numpy()
    boxes = dets[:, :4].float().numpy().T[:, order]
    areas = _sizes(boxes, np.float32(0))
    groups = []
    while order.size:
        near = _overlaps(boxes[:, 0], areas[0], boxes, areas,
                         0) >= np.float32(iou_threshold)
        near[0] = True
        groups.append(order[near].tolist())
        order, boxes, areas = order[~near], boxes[:, ~near], areas[~near]
    return groups


def bbox_overlaps(bboxes1, bboxes2, ious, mode, aligned, offset):
    """Fill ``ious`` with IoU (mode 0) or IoF (mode 1)."""
    from mmcv.ops.bbox import _bbox_overlaps_cpu
    ious.copy_(
        _bbox_overlaps_cpu(bboxes1, bboxes2, ('iou', 'iof')[mode], aligned,
                           offset))


# ------------------------------------------------------------------- pooling


def _check_pool_mode(pool_mode):
    if pool_mode != 1:
        raise NotImplementedError(
            f"mmcv.ops: RoIAlign with pool_mode='max' {WAY_OUT}")


def roi_align_forward(input, rois, output, argmax_y, argmax_x, aligned_height,
                      aligned_width, spatial_scale, sampling_ratio, pool_mode,
                      aligned):
    """Fill ``output`` of shape (number of rois, C, height, width)."""
    _check_pool_mode(pool_mode)
    output.copy_(
        tv.roi_align(input, rois, spatial_scale, aligned_height, aligned_width,
                     sampling_ratio, aligned))


def roi_align_backward(grad_output, rois, argmax_y, argmax_x, grad_input,
                       aligned_height, aligned_width, spatial_scale,
                       sampling_ratio, pool_mode, aligned):
    """Fill ``grad_input`` of shape (B, C, H, W)."""
    _check_pool_mode(pool_mode)
    grad_input.copy_(
        tv._roi_align_backward(grad_output, rois, spatial_scale,
                               aligned_height, aligned_width,
                               *grad_input.shape, sampling_ratio, aligned))


def roi_pool_forward(input, rois, output, argmax, pooled_height, pooled_width,
                     spatial_scale):
    """Fill ``output`` and where in the input its maxima lie."""
    found, where = tv.roi_pool(input, rois, spatial_scale, pooled_height,
                               pooled_width)
    output.copy_(found)
    argmax.copy_(where)


def roi_pool_backward(grad_output, rois, argmax, grad_input, pooled_height,
                      pooled_width, spatial_scale):
    """Fill ``grad_input`` of shape (B, C, H, W)."""
    grad_input.copy_(
        tv._roi_pool_backward(grad_output.contiguous(), rois, argmax,
                              spatial_scale, pooled_height, pooled_width,
                              *grad_input.shape))


# ---------------------------------------------------- deformable convolution


def _deform_tensors(input, weight, offset, mask, bias):
    """In torchvision's order, with tensors for what is absent."""
    if mask is None:
        mask = input.new_zeros((len(input), 1))
    if bias is None or not bias.numel():
        bias = input.new_zeros(weight.shape[0])
    return input, weight, offset, mask, bias


def deform_conv_forward(input, weight, offset, output, columns, ones, kW, kH,
                        dW, dH, padW, padH, dilationW, dilationH, group,
                        deformable_group, im2col_step):
    """Fill ``output`` of shape (B, C, H, W)."""
    output.copy_(
        tv.deform_conv2d(*_deform_tensors(input, weight, offset, None,
                                          None), dH, dW, padH, padW, dilationH,
                         dilationW, group, deformable_group, False))


def _deform_backward(input, weight, offset, grad_output, dW, dH, padW, padH,
                     dilationW, dilationH, group, deformable_group):
    return tv._deform_conv2d_backward(
        grad_output, *_deform_tensors(input, weight, offset, None, None), dH,
        dW, padH, padW, dilationH, dilationW, group, deformable_group, False)


def deform_conv_backward_input(input, offset, grad_output, grad_input,
                               grad_offset, weight, columns, kW, kH,
                               im2col_step, **geometry):
    """Fill the gradients of input and offset."""
    grads = _deform_backward(input, weight, offset, grad_output, **geometry)
    grad_input.copy_(grads[0])
    grad_offset.copy_(grads[2])


def deform_conv_backward_parameters(input, offset, grad_output, grad_weight,
                                    columns, ones, kW, kH, scale, im2col_step,
                                    **geometry):
    """Add the gradient of the weight, which does not depend on its value."""
    grads = _deform_backward(input, grad_weight, offset, grad_output,
                             **geometry)
    grad_weight.add_(grads[1], alpha=scale)


def modulated_deform_conv_forward(input, weight, bias, ones, offset, mask,
                                  output, columns, kernel_h, kernel_w,
                                  stride_h, stride_w, pad_h, pad_w, dilation_h,
                                  dilation_w, group, deformable_group,
                                  with_bias):
    """Fill ``output`` of shape (B, C, H, W)."""
    output.copy_(
        tv.deform_conv2d(*_deform_tensors(input, weight, offset, mask, bias),
                         stride_h, stride_w, pad_h, pad_w, dilation_h,
                         dilation_w, group, deformable_group, True))


def modulated_deform_conv_backward(input, weight, bias, ones, offset, mask,
                                   columns, grad_input, grad_weight, grad_bias,
                                   grad_offset, grad_mask, grad_output,
                                   kernel_h, kernel_w, stride_h, stride_w,
                                   pad_h, pad_w, dilation_h, dilation_w, group,
                                   deformable_group, with_bias):
    """Fill the gradients of all tensors."""
    grads = tv._deform_conv2d_backward(
        grad_output, *_deform_tensors(input, weight, offset, mask,
                                      bias), stride_h, stride_w, pad_h, pad_w,
        dilation_h, dilation_w, group, deformable_group, True)
    filled = [grad_input, grad_weight, grad_offset, grad_mask]
    if with_bias:
        filled.append(grad_bias)
    for target, grad in zip(filled, grads):
        target.copy_(grad)


# ------------------------------------ what mmcv compiles for accelerators only


def _gradients(function, inputs, grad_output):
    with torch.enable_grad():
        inputs = [value.detach().requires_grad_() for value in inputs]
        return torch.autograd.grad(function(*inputs), inputs, grad_output)


def _sigmoid_focal_loss(input, target, weight, gamma, alpha):
    """Focal loss of each class, targets beyond the classes being background.

    Lin et al., Focal Loss for Dense Object Detection, ICCV 2017,
    equation 5.
    """
    positive = target[:, None] == torch.arange(
        input.shape[1], device=input.device)
    log = torch.nn.functional.logsigmoid
    p, q = input.sigmoid(), (-input).sigmoid()
    loss = -torch.where(positive, alpha * q**gamma * log(input),
                        (1 - alpha) * p**gamma * log(-input))
    return loss * weight[target][:, None] if weight.numel() else loss


def sigmoid_focal_loss_forward(input, target, weight, output, gamma, alpha):
    """Fill ``output`` of shape (N, classes)."""
    output.copy_(_sigmoid_focal_loss(input, target, weight, gamma, alpha))


def sigmoid_focal_loss_backward(input, target, weight, grad_input, gamma,
                                alpha):
    """Fill ``grad_input`` of shape (N, classes)."""
    grads = _gradients(
        lambda value: _sigmoid_focal_loss(value, target, weight, gamma, alpha),
        [input], torch.ones_like(input))
    grad_input.copy_(grads[0])


def ms_deform_attn_forward(value, shapes, starts, locations, weights,
                           im2col_step):
    """Attend to points of several feature maps: (B, queries, channels)."""
    from mmcv.ops.multi_scale_deform_attn import \
        multi_scale_deformable_attn_pytorch
    return multi_scale_deformable_attn_pytorch(value, shapes, locations,
                                               weights)


def ms_deform_attn_backward(value, shapes, starts, locations, weights,
                            grad_output, grad_value, grad_locations,
                            grad_weights, im2col_step):
    """Fill the gradients of values, locations and weights."""
    grads = _gradients(
        lambda *inputs: ms_deform_attn_forward(inputs[0], shapes, starts, *
                                               inputs[1:], im2col_step),
        [value, locations, weights], grad_output)
    for target, grad in zip((grad_value, grad_locations, grad_weights), grads):
        target.copy_(grad)
