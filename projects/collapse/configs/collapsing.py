# The same network, data, hard views, weights and schedule. What teaches is a
# hard view, too, and keeps its gradient.
_base_ = './posecons.py'
custom_imports = dict(
    imports=['semipose_mm', 'collapsing_estimator'],
    allow_failed_imports=False)
model = dict(
    type='CollapsingEstimator',
    teacher_pass=dict(type='HardPass', warp=_base_.posedual.warp))
