# Copyright (c) semipose_mm authors.
"""CocoMetric with a compiled evaluation."""
import warnings
from typing import Dict, List, Optional

import numpy as np
from mmpose.evaluation.metrics import CocoMetric
from mmpose.registry import METRICS

try:
    import hotcoco
except ImportError:  # CocoMetric as it is
    hotcoco = None


@METRICS.register_module()
class FastCocoMetric(CocoMetric):
    """``CocoMetric`` that evaluates with hotcoco, where that is installed.

    Scores are those of ``CocoMetric``. What hotcoco does not know, such as
    ``iou_type='keypoints_crowd'``, is left to ``CocoMetric``'s evaluation.
    The file of results is only written if ``outfile_prefix`` asks for it.
    Parameters are those of ``mmpose.evaluation.CocoMetric``.
    """

    def results2json(self, keypoints: Dict[int, list],
                     outfile_prefix: str) -> None:
        """Keep the results for the evaluation, and write them.

        Args:
            keypoints (dict): Predicted persons of each image.
            outfile_prefix (str): Beginning of the file's name.
        """
        self._evaluation = None if self.format_only else \
            self._build_evaluation(keypoints)
        if self._evaluation is None or self.outfile_prefix is not None:
            super().results2json(keypoints, outfile_prefix)

    def _do_python_keypoint_eval(self, outfile_prefix: str) -> list:
        """Evaluate what :meth:`results2json` has kept.

        Args:
            outfile_prefix (str): Beginning of the file's name.

        Returns:
            list: Pairs of a score's name and its value.
        """
        evaluation, self._evaluation = self._evaluation, None
        if evaluation is None:
            return super()._do_python_keypoint_eval(outfile_prefix)
        with warnings.catch_warnings():
            # each dataset has its own sigmas
            warnings.filterwarnings('ignore', message='.*kpt_oks_sigmas')
            evaluation.evaluate()
            evaluation.accumulate()
            evaluation.summarize()
        names = [
            'AP', 'AP .5', 'AP .75', 'AP (M)', 'AP (L)', 'AR', 'AR .5',
            'AR .75', 'AR (M)', 'AR (L)'
        ]
        return list(zip(names, evaluation.stats))

    def _build_evaluation(
            self, keypoints: Dict[int, list]) -> Optional['hotcoco.COCOeval']:
        """Hotcoco's evaluation, or none if it might not be CocoMetric's."""
        if hotcoco is None or self.iou_type != 'keypoints':
            return None
        truth, found = self._truth(), _detections(keypoints)
        if truth is None or not found or not all(
                d['image_id'] in self.coco.imgs and np.isfinite(d['score'])
                and np.isfinite(d['keypoints']).all() for d in found):
            return None
        truth = hotcoco.COCO(truth)
        evaluation = hotcoco.COCOeval(truth, truth.load_res(found),
                                      'keypoints')
        # squared in the precision in which xtcocotools squares them
        variances = (self.dataset_meta['sigmas'] * 2)**2
        evaluation.params.kpt_oks_sigmas = (np.sqrt(variances.astype(float)) /
                                            2).tolist()
        return evaluation

    def _truth(self) -> Optional[dict]:
        """The annotations as xtcocotools reads them; none if it refuses."""
        content = self.coco.dataset
        annotations = []
        for ann in self.coco.anns.values():
            try:
                area = ann['area'] if self.use_area else \
                    ann['bbox'][2] * ann['bbox'][3] * 0.53
                annotations.append(
                    dict(
                        id=ann['id'],
                        image_id=ann['image_id'],
                        category_id=ann['category_id'],
                        bbox=ann['bbox'],
                        area=area,
                        iscrowd=ann['iscrowd'],
                        keypoints=ann['keypoints'],
                        num_keypoints=sum(v > 0
                                          for v in ann['keypoints'][2::3])))
            except KeyError:
                return None
        ids = [*self.coco.imgs, *self.coco.cats, *self.coco.anns]
        if not all(isinstance(i, int) and i >= 0 for i in ids):
            return None
        images = [
            dict(
                id=image['id'],
                width=image.get('width', 0),
                height=image.get('height', 0),
                file_name='') for image in content['images']
        ]
        categories = [
            dict(id=category, name=str(category))
            for category in self.coco.cats
        ]
        return dict(
            images=images, annotations=annotations, categories=categories)


def _detections(keypoints: Dict[int, list]) -> List[dict]:
    """Predicted persons in COCO's format of results."""
    found = []
    for persons in keypoints.values():
        for person in persons:
            # xtcocotools ignores persons without any score
            if not (person['keypoints'][:, 2] > 0).any():
                continue
            result = dict(
                image_id=person['img_id'],
                category_id=person['category_id'],
                keypoints=person['keypoints'].ravel().tolist(),
                score=float(person['score']))
            if 'bbox' in person:
                result['bbox'] = person['bbox'].tolist()
            found.append(result)
    return found
