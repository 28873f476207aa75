# What came after PoseDual, by name: what each method changes in a PoseDual
# config. docs/methods.md explains the parts and adds a method of your own.
# Names of our own only, as two base files must not define the same one.
method_name = '{{$SEMIPOSE_METHOD:multiaugs}}'


def _methods(old='', near=dict(), size=dict(), momentum=0.999, norm='eval'):
    """All methods, by name.

    Args:
        old (str): ``'Legacy'`` for operations of the released code.
        near (dict): Further parameters of boxes at joints.
        size (dict): And of boxes anywhere.
        momentum (float): Of averaged teachers.
        norm (str): Batch norm of snapshots.
    """

    def one(*ops):
        return dict(source='easy', ops=list(ops))

    def paths(boxes):
        # full labels take the first two
        jo = dict(type=f'{old}JointCutOcclude', num=2, **near)
        jc = dict(type=f'{old}JointCutout', num=5, **near)
        co = dict(type=f'{old}Cutout', num=5, **size)
        cm = dict(type=f'{old}CutMix', num=boxes, **size)
        return [one(jo, co), one(jc, cm), one(jc), one(jo)]

    alone = dict(peers=[], sup_weight=1.0)
    ema = dict(ema0=dict(type='EMATeacher', of=0, momentum=momentum))
    sure = dict(type='ScoreSelection', thr=0.1, outputs=[0, 1])
    rendered = dict(type='RenderedTarget')
    return dict(
        # Zhou et al., arXiv 2402.11566. Losses of views are summed: labels to
        # unlabeled images 1:4 and 0.5:4 with four views, 1:2 and 0.5:2 with
        # two. Released: five CutMix boxes in the dual network, else two.
        multiaugs_single=dict(
            alone,
            routes=[dict(student=0, teachers=[0])],
            views=paths(2),
            share_warp=True),
        multiaugs=dict(views=paths(5 if old else 2), share_warp=True),
        # Huang et al., CVPR 2023: networks 0 and 1 teach each other, 2 is
        # taught by the pair of them and their last epochs that agrees best.
        # Joints of which the current two are not sure teach nobody.
        sspcm=dict(
            peers=[dict(), dict()],
            teachers={
                f'last{i}':
                dict(type='SnapshotTeacher', of=i, every='epoch', norm=norm)
                for i in range(2)
            },
            routes=[
                dict(
                    student=i,
                    teachers=[0, 1],
                    target=dict(type='MeanTarget', outputs=[1 - i]),
                    select=sure) for i in range(2)
            ] + [
                dict(
                    student=2,
                    teachers=[0, 1, 'last0', 'last1'],
                    target=dict(
                        type='BestPairTarget',
                        pairs=[(0, 1), (2, 1), (0, 3), (2, 3)]),
                    select=sure)
            ],
            views=[one(dict(type=f'{old}JointCutOcclude', num=2, **near))],
            share_warp=True,
            test_cfg=dict(network=2)),
        # Tarvainen and Valpola, NeurIPS 2017, on poses: no paper's numbers.
        mean_teacher=dict(
            alone,
            teachers=ema,
            routes=[dict(student=0, teachers=['ema0'])],
            test_cfg=dict(network='ema0')),
        # After Li and Lee, CVPR 2023. Theirs are offline labels (five warps
        # and their mirror images), a cosine for the kept share, a ramp of 10
        # epochs, agreement for joints alone that are not kept, and a third
        # loss: all joints, weight 2. Labels have weight 2, too. Here two views
        # of the running average stand for offline labels, and the third loss
        # is left out. 0.6
        # heatmap pixels are 0.0075 of a diagonal of 48x64. Six boxes of the
        # usual size, as that of theirs is not known.
        scarcenet_like=dict(
            alone,
            sup_weight=2.0,
            teachers=ema,
            teacher_pass=dict(type='MultiViewPass', num=2),
            routes=[
                dict(
                    student=0,
                    teachers=['ema0'],
                    target=rendered,
                    select=dict(type='SmallLossSelection')),
                dict(
                    student=0,
                    teachers=[0],
                    target=rendered,
                    select=dict(type='AgreementSelection', thr=0.0075))
            ],
            views=[
                dict(
                    source='randaug10',
                    ops=[dict(type=f'{old}Cutout', num=6, **size)])
            ],
            test_cfg=dict(network='ema0')),
        # After Yu et al., WACV 2024, of which the abstract was read: several
        # views of two students are a pool, a target is rendered anew, and
        # what the students agree on counts. Ours: two views, the threshold,
        # the best pair across the students, and PoseDual's hard views.
        pseudo_hms_like=dict(
            teacher_pass=dict(type='MultiViewPass', num=2),
            routes=[
                dict(
                    student=i,
                    teachers=[0, 1],
                    target=dict(
                        type='RenderedTarget',
                        of=dict(
                            type='BestPairTarget',
                            pairs=[(0, 2), (0, 3), (1, 2), (1, 3)])),
                    select=dict(type='ScoreSelection', thr=0.1))
                for i in range(2)
            ]))


def _full(method):
    """MultiAugs has two paths where all images are labeled."""
    views = {key: method[key][:2] for key in ('views', ) if key in method}
    return dict(method, **views)


_all = _methods()
method, sspcm = _all[method_name], _all['sspcm']
del _all
method_full = _full(method)
# half as large boxes, and an average for 2000 iterations
method_small = _methods(
    near=dict(half_size=(5, 10), jitter=5.),
    size=dict(half_size=(5, 10)),
    momentum=0.99)[method_name]
# The released code's letter. What SSPCM's does in epoch 0 it does not say, as
# it fails there: here the snapshots are the networks at the start. The other
# methods have its operations, but are nobody's letter.
method_letter = _methods(
    'Legacy', near=dict(num_candidates=24), norm='train')[method_name]
method_letter_full = _full(method_letter)
# the released operations of two networks draw 685 numbers
method_data = dict(dataset=dict(sources=dict(), num_uniforms=1024))
if method_name == 'scarcenet_like':
    method_data['dataset']['sources'] = dict(
        randaug10=[dict(type='RandAugment', magnitude=10)])
# Epochs and where the learning rate falls, by 1K, 5K and more labels.
method_epochs = [(70, 50, 60), (100, 70, 90), (100, 70, 90)]
if 'multiaugs' in method_name:
    method_epochs = [(30, 20, 25), (70, 50, 60), (100, 70, 90)]
elif method_name == 'sspcm':
    method_epochs = [(100, 70, 90)] * 3

# a network of the zoo teaches a small one on unlabeled images
zoo_teacher = '{{$SEMIPOSE_TEACHER:https://download.openmmlab.com/mmpose/v1/body_2d_keypoint/topdown_heatmap/coco/td-hm_hrnet-w48_8xb32-210e_coco-256x192-0e67c616_20220913.pth}}'  # noqa: E501
distillation = dict(
    peers=[],
    sup_weight=1.0,
    teachers=dict(
        big=dict(
            type='FrozenTeacher',
            config='mmpose::body_2d_keypoint/topdown_heatmap/coco/'
            'td-hm_hrnet-w48_8xb32-210e_coco-256x192.py',
            checkpoint=zoo_teacher)),
    routes=[dict(student=0, teachers=['big'])])
